const NOT_CONNECTED = /^No connection established\. Last error: (.*?)(?:\. Resolution note: .*)?$/s
const OTHER_CA = /certificate in certificate chain|self-signed certificate|unable to (?:get|verify)/

/** Why a link is not up, for people: without the state of grpc-js's parts. What a peer said stays as it is. */
export function dialProblem(details: string): string {
  const [, reason] = NOT_CONNECTED.exec(details) ?? []
  if (reason === undefined) return details
  const [text = ''] = reason.replace(/^Error: /, '').split(/; if the root CA is|\n/, 1)
  if (!OTHER_CA.test(text)) return `no connection: ${text}`
  return `no connection: the server certificate is of another CA (${text}), wanted that of this region, or of trust.ca in its RegionPeer`
}
