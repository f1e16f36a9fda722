/**
 * The RegionPeer documents that a region needs, as one YAML text.
 * @param peers the endpoints by which this region dials each other one
 */
export function peerDocuments(peers: ReadonlyMap<string, readonly string[]>): string {
  const documents = [...peers].map(([name, endpoints]) =>
    JSON.stringify({
      apiVersion: 'landbridge.dev/v1alpha1',
      kind: 'RegionPeer',
      metadata: { name },
      spec: { endpoints },
    }),
  )
  // JSON is YAML.
  return documents.join('\n---\n')
}
