import { X509Certificate } from 'node:crypto'
import { usageFailure } from '../command-failure.ts'
import { fromNow } from '../words.ts'

/** What a certificate says. */
export type CertificateFacts = {
  readonly subject: string
  readonly issuer: string
  /** "DNS:localhost", "URI:spiffe://...", "IP Address:127.0.0.1". */
  readonly names: readonly string[]
  readonly authority: boolean
  readonly notBefore: Date
  readonly notAfter: Date
  readonly state: 'valid' | 'expired' | 'not yet valid'
  /** The state in words: "valid, expires in 29 days 23 hours". */
  readonly validity: string
  /** "ec prime256v1", "rsa 2048". */
  readonly key: string
  /** The public key, as a RegionPeer's `trust.jwks` takes it. */
  readonly jwk: Readonly<Record<string, unknown>>
  readonly serial: string
  /** SHA-256 of the certificate, hexadecimal. */
  readonly fingerprint: string
}

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Every certificate of a PEM text, in order. `name` is the file's, for messages. @throws CommandFailure 'usage'. */
export function inspectCertificates(pem: string, name: string, now: number): readonly CertificateFacts[] {
  const blocks = pem.match(PEM_BLOCK) ?? []
  if (blocks.length === 0) throw usageFailure(`certificate: ${name} holds none, wanted a PEM file with certificates`)
  return blocks.map((block) => factsOf(parse(block, name), now))
}

function parse(block: string, name: string): X509Certificate {
  try {
    return new X509Certificate(block)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw usageFailure(`certificate: ${name} cannot be read (${reason}), wanted a PEM file with certificates`)
  }
}

function factsOf(certificate: X509Certificate, now: number): CertificateFacts {
  const notBefore = certificate.validFromDate
  const notAfter = certificate.validToDate
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    issuer: certificate.issuer.replaceAll('\n', ', '),
    names: certificate.subjectAltName?.split(', ') ?? [],
    authority: certificate.ca,
    notBefore,
    notAfter,
    ...validityOf(notBefore.getTime(), notAfter.getTime(), now),
    key: [type, details?.namedCurve ?? details?.modulusLength].filter((part) => part !== undefined).join(' '),
    jwk: { ...certificate.publicKey.export({ format: 'jwk' }) },
    serial: certificate.serialNumber,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

function validityOf(from: number, to: number, now: number): Pick<CertificateFacts, 'state' | 'validity'> {
  if (to <= now) return { state: 'expired', validity: `expired ${fromNow(to, now)}` }
  if (from > now) return { state: 'not yet valid', validity: `not valid yet, begins ${fromNow(from, now)}` }
  return { state: 'valid', validity: `valid, expires ${fromNow(to, now)}` }
}
