/** What a nats-server holds. */
export type ServerFigures = { readonly streams: number; readonly consumers: number; readonly messages: number }

/** Reads them from the server's monitoring page. */
export async function serverFigures(monitorUrl: string): Promise<ServerFigures> {
  const response = await fetch(`${monitorUrl}/jsz`)
  if (!response.ok) throw new Error(`read ${monitorUrl}/jsz: ${response.status}`)
  const { streams, consumers, messages } = (await response.json()) as ServerFigures
  return { streams, consumers, messages }
}
