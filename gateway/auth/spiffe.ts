import type { X509Certificate } from 'node:crypto'

/**
 * The SPIFFE id in a certificate's URI SANs. The SPIFFE standard wants exactly one URI SAN; with none or several the
 * certificate has no id, so that nobody can choose among identities.
 */
export function spiffeIdOf(certificate: X509Certificate): string | undefined {
  const uris = uriNamesOf(certificate)
  const [only] = uris
  if (uris.length !== 1 || only === undefined || !isSpiffeId(only)) return undefined
  return only
}

/** Whether a text is a SPIFFE id: spiffe://<trust domain>/<path>, without query, fragment or dot segments. */
export function isSpiffeId(text: string): boolean {
  return (
    text.length <= 2048 &&
    /^spiffe:\/\/[a-z0-9._-]{1,255}(\/[A-Za-z0-9._-]+)+$/.test(text) &&
    !text.split('/').some((segment) => segment === '.' || segment === '..')
  )
}

/** The URI SANs of a certificate, in order. */
function uriNamesOf(certificate: X509Certificate): string[] {
  const names = certificate.subjectAltName ?? ''
  // OpenSSL quotes a name that contains a comma or a quote (CVE-2021-44532), so a quoted one is never a plain URI: it is
  // kept as a name, which then makes the id ambiguous or malformed.
  return splitNames(names)
    .filter((name) => name.startsWith('URI:'))
    .map((name) => name.slice('URI:'.length))
}

function splitNames(text: string): string[] {
  const names: string[] = []
  let start = 0
  let quoted = false
  for (let index = 0; index <= text.length; index += 1) {
    const char = text[index]
    if (char === '\\' && quoted) index += 1
    else if (char === '"') quoted = !quoted
    else if (char === undefined || (char === ',' && !quoted)) {
      names.push(text.slice(start, index).trim())
      start = index + 1
    }
  }
  return names
}
