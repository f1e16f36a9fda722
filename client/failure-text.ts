const NO_CONNECTION = 'no connection'
const CERTIFICATE =
  /certificate in certificate chain|self-signed certificate|unable to (get|verify)|certificate has expired|altnames/

/**
 * What grpc-js says of a failure that it found by itself, in our words: what happened, without the state of its parts.
 * Text of a gateway stays as it is.
 */
export function failureText(details: string): string {
  const [, reason] = /^No connection established\. Last error: (.*?)(?:\. Resolution note: .*)?$/s.exec(details) ?? []
  if (reason === 'null' || details === 'No connection established') return NO_CONNECTION
  if (reason !== undefined) return `${NO_CONNECTION}: ${reasonText(reason)}`
  const [, target] = /^Name resolution failed for target (?:dns:)?(.*)$/.exec(details) ?? []
  if (target !== undefined) return `${NO_CONNECTION}: the name in ${target} cannot be resolved`
  const [, time, state] = /^Deadline exceeded after ([0-9.]+)s,(.*)$/s.exec(details) ?? []
  if (time === undefined || state === undefined) return details
  return state.includes('Waiting for LB pick')
    ? `${NO_CONNECTION}: none within ${time} s`
    : `no answer within ${time} s`
}

/** True for a failure before which no gateway was reached, as `failureText` words it. */
export function isUnreached(message: string): boolean {
  return message.includes(`: ${NO_CONNECTION}`)
}

/** True when a gateway was reached whose certificate is not trusted. */
export function isUntrusted(message: string): boolean {
  return CERTIFICATE.test(message)
}

function reasonText(reason: string): string {
  const text = reason.replace(/^Error: /, '').split(/; if the root CA is|\n/, 1)[0] ?? ''
  // "4053D144FC7E0000:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../deps/..."
  const [, openssl] = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(text) ?? []
  return openssl === undefined ? text : `TLS failed: ${openssl}`
}
