/** One nats-server of a region. */
export type NatsNode = {
  /** Unique in the mesh; JetStream knows a cluster's members by it, so it stays the same over restarts. */
  readonly serverName: string
  readonly clientPort: number
  readonly monitorPort: number
  /** Used when the region has several servers. */
  readonly clusterPort: number
  /** JetStream's folder. */
  readonly storeFolder: string
}

/** What all servers of a region share. */
export type NatsRegionOptions = {
  /** Name of the cluster and of the JetStream domain. */
  readonly region: string
  /** Cluster ports of every member, itself included; routes are set up only when there are several. */
  readonly clusterPorts: readonly number[]
  /** `always`, or a duration such as "2m" (the server's own default, with which a power failure can lose acknowledged events). */
  readonly syncInterval: string
  /** More configuration, appended as it is; empty for none. */
  readonly extra: string
}

// The largest event is 8 MiB; the rest is room for headers and attributes.
const PAYLOAD_BYTES_MAX = 8 * 1024 * 1024 + 256 * 1024

/** The server's configuration file. Everything listens on 127.0.0.1 only. */
export function natsConfig(node: NatsNode, options: NatsRegionOptions): string {
  const text = (value: string) => JSON.stringify(value)
  const routes = options.clusterPorts
    .filter((port) => port !== node.clusterPort)
    .map((port) => text(`nats://127.0.0.1:${port}`))
  const cluster = `cluster {
  name: ${text(options.region)}
  listen: "127.0.0.1:${node.clusterPort}"
  no_advertise: true
  routes: [${routes.join(', ')}]
}
`
  return `server_name: ${text(node.serverName)}
listen: "127.0.0.1:${node.clientPort}"
http: "127.0.0.1:${node.monitorPort}"
max_payload: ${PAYLOAD_BYTES_MAX}
jetstream {
  domain: ${text(options.region)}
  store_dir: ${text(node.storeFolder)}
  sync_interval: ${text(options.syncInterval)}
}
${routes.length === 0 ? '' : cluster}${options.extra}
`
}
