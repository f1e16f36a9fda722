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

Each region is a release of its own, with its own \`region\`, and the same \`mesh\` and CA everywhere.

## Certificates

- \`certificates.mode: self\` makes a CA for trying out, by a hook before installation and upgrade; an upgrade renews the
  gateways' certificate when a third of its year is left. Regions trust each other only with the same CA: copy the Secret
  \`certificates.caSecret\` to the other namespaces or clusters before their install.
- \`certManager\` asks an Issuer or ClusterIssuer of yours, or one that the chart makes of the CA in
  \`certificates.caSecret\` (\`certificates.certManager.createIssuer\`).
- \`existing\` takes a Secret with \`tls.crt\`, \`tls.key\` and \`ca.crt\`. The certificate is for servers and clients, names
  \`spiffe://<mesh>/region/<region>\` as URI, and the DNS names of the Services. Gateways notice a new one by themselves.

## Safety

- Pods are of the restricted profile: no root, no capabilities, a root file system that cannot be written.
- Gateways have no rights in the cluster. The operator may read and patch the resources of the mesh, hold its lease and
  write Events; with \`operator.watchNamespace\` in that namespace and its own only. Nobody reads Secrets but the hook that
  makes certificates, and that one by name.
- The embedded NATS asks for no password: network policies let only gateways and operator reach it. They take a network
  plugin that enforces them. Where yours does not, use \`nats.mode: external\` with credentials.

## Upgrades and going back

- \`helm upgrade\` replaces gateways one by one: a new one is ready before an old one drains. NATS servers restart one by
  one only when their pod or configuration changed; each hands its leaderships over first.
- Resource definitions come with the first release, a hook brings them up to date before an upgrade, and never back.
  Several releases in one cluster share them: install one of another version than those that are there with \`--skip-crds\`, which Helm
  says by a conflict with \`landbridge-definitions\`; the hook does the rest. \`crds.upgrade: false\` leaves that to
  \`kubectl apply --server-side -f charts/landbridge/crds\`.
- \`nats.storage.size\` and \`className\` are for new releases: Kubernetes refuses to change them. To grow volumes: let
  each PersistentVolumeClaim \`data-<release>-nats-<n>\` ask for more, then
  \`kubectl delete statefulset <release>-nats --cascade=orphan\`, then \`helm upgrade\` with the new size: pods go on meanwhile.
- Neither do \`nats.replicas\` (streams keep their copies) and \`nameOverride\` (it is a new release) change with an upgrade.
- \`helm uninstall\` keeps volumes, resource definitions with all resources, and the certificates of mode \`self\`.

## Watching

\`monitoring.podMonitor\` or \`monitoring.serviceMonitor\` scrapes gateways and operator, \`monitoring.prometheusRule\` brings
alerts, \`monitoring.dashboards\` three Grafana dashboards as ConfigMaps. \`docs/metrics.md\` explains the figures. All of
them go by the label \`region\`, which the monitors add: scrape in another way, and add it there.

## Values

| value | meaning | default |
| --- | --- | --- |
${rows.join('\n')}
`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
