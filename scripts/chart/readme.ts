import type { ChartValue } from './values.ts'

/** The chart's README: how to install it, and every value. */
export function readmeOf(values: readonly ChartValue[]): string {
  const rows = values.map(
    ({ path, description, standard }) => `| \`${path}\` | ${cell(description)} | \`${JSON.stringify(standard)}\` |`,
  )
  return `<!-- Generated from values.yaml by \`make generate\`. -->
# landbridge

One region of a Landbridge event mesh: gateways, the operator, and NATS JetStream when wanted.

\`\`\`sh
helm install landbridge charts/landbridge --namespace landbridge --create-namespace --set region=us-east
helm test landbridge --namespace landbridge
kubectl get topics,acl,peers --all-namespaces
\`\`\`

- Each region is a release of its own with its own \`region\`, and the same \`mesh\` and CA everywhere.
- \`certificates.mode: self\` makes a CA for trying out. Regions trust each other only with the same one: copy the Secret
  \`certificates.caSecret\` to the other namespaces or clusters before their install, or use cert-manager.
- CustomResourceDefinitions lie in \`crds/\`: Helm installs them, and neither upgrades nor removes them. Before an upgrade:
  \`kubectl apply --server-side -f charts/landbridge/crds\`.
- \`helm uninstall\` keeps volumes and CRDs, and with them all events and resources.

| value | meaning | default |
| --- | --- | --- |
${rows.join('\n')}
`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
