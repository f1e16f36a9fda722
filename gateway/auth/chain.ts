import type { X509Certificate } from 'node:crypto'

/** Certificates between a leaf and its anchor: far above what anybody has. */
const LENGTH_MAX = 8

/**
 * Whether a certificate chains to one of the anchors, by signatures, over certificates that came with it. For one that
 * TLS has verified against these anchors and others: validity and constraints of the chain were looked at there.
 */
export function chainsTo(
  leaf: X509Certificate,
  presented: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
): boolean {
  let reached = [leaf]
  const left = new Set(presented.filter(({ ca }) => ca).slice(0, LENGTH_MAX))
  while (reached.length > 0) {
    if (reached.some((certificate) => anchors.some((anchor) => isSignedBy(certificate, anchor)))) return true
    const next = [...left].filter((issuer) => reached.some((certificate) => isSignedBy(certificate, issuer)))
    for (const issuer of next) left.delete(issuer)
    reached = next
  }
  return false
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}
