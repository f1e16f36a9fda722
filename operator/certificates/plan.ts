import { X509Certificate } from 'node:crypto'

/** What the gateways' certificate must say. */
export type WantedCertificate = {
  /** `spiffe://<mesh>/region/<region>` */
  readonly uri: string
  readonly dns: readonly string[]
}

/** What is to be made. */
export type CertificatePlan = {
  /** The mesh's CA is not there yet. */
  readonly makeAuthority: boolean
  /** Why a certificate is to be issued; undefined: the one that is there is good. */
  readonly issueBecause: string | undefined
}

/** A certificate is renewed when a third of its time is left. */
const RENEW_AT = 1 / 3

/**
 * What is missing of a self-made CA and the gateways' certificate (PEM). Pure: what is good stays, so that installing
 * again changes nothing.
 */
export function planCertificates(
  authority: string | undefined,
  certificate: string | undefined,
  wanted: WantedCertificate,
  nowMs: number,
): CertificatePlan {
  const ca = authority === undefined ? undefined : parse(authority)
  if (ca === undefined) return { makeAuthority: true, issueBecause: 'there was no CA' }
  const leaf = certificate === undefined ? undefined : parse(certificate)
  return {
    makeAuthority: false,
    issueBecause: leaf === undefined ? 'there was none' : problemOf(leaf, ca, wanted, nowMs),
  }
}

function problemOf(
  leaf: X509Certificate,
  ca: X509Certificate,
  { uri, dns }: WantedCertificate,
  nowMs: number,
): string | undefined {
  if (!leaf.checkIssued(ca) || !leaf.verify(ca.publicKey)) return 'it was of another CA'
  const names = new Set((leaf.subjectAltName ?? '').split(', '))
  if (!names.has(`URI:${uri}`)) return `it did not name ${uri}`
  const missing = dns.find((name) => !names.has(`DNS:${name}`))
  if (missing !== undefined) return `it did not name ${missing}`
  const [from, to] = [leaf.validFromDate.getTime(), leaf.validToDate.getTime()]
  return to - nowMs < (to - from) * RENEW_AT ? 'its time is running out' : undefined
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}
