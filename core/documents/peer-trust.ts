import { X509Certificate } from 'node:crypto'
import { parseJwks } from '../jwks.ts'
import { certificatesIn } from '../pem.ts'
import type { Fields } from './fields.ts'
import type { PeerTrust } from './types.ts'

const CA_LENGTH_MAX = 65_536
const CERTIFICATES_MAX = 16
const SPIFFE_LENGTH_MAX = 512
const JWKS_LENGTH_MAX = 16_384
const SPIFFE = /^spiffe:\/\/[a-z0-9._-]{1,255}(\/[A-Za-z0-9._-]+)+$/

/** Reads `spec.trust`. */
export function readTrust(fields: Fields): PeerTrust {
  const trust: PeerTrust = {
    ca: fields.text('ca', CA_LENGTH_MAX, { absent: undefined }),
    spiffe: fields.text('spiffe', SPIFFE_LENGTH_MAX, { absent: undefined }),
    jwks: fields.text('jwks', JWKS_LENGTH_MAX, { absent: undefined }),
  }
  fields.finish()
  const { ca, spiffe, jwks } = trust
  const problem = ca === undefined ? undefined : problemOf(ca)
  if (problem !== undefined) fields.problem('ca', problem)
  if (spiffe !== undefined && !SPIFFE.test(spiffe)) {
    fields.problem('spiffe', 'is no SPIFFE id, wanted one like "spiffe://mesh.example/region/eu-west"')
  }
  const { error } = jwks === undefined ? {} : parseJwks(jwks)
  if (error !== undefined) fields.problem('jwks', error.message.replace(/^jwks: /, ''))
  return trust
}

/** The field `trust` as it is written in YAML; nothing when nothing is asked for. */
export function formatTrust({ ca, spiffe, jwks }: PeerTrust): Readonly<Record<string, unknown>> {
  const trust = {
    ...(ca === undefined ? {} : { ca }),
    ...(spiffe === undefined ? {} : { spiffe }),
    ...(jwks === undefined ? {} : { jwks }),
  }
  return Object.keys(trust).length === 0 ? {} : { trust }
}

function problemOf(ca: string): string | undefined {
  const blocks = certificatesIn(ca)
  if (blocks.length === 0) return 'has no certificate, wanted CA certificates as PEM'
  if (blocks.length > CERTIFICATES_MAX) return `has ${blocks.length} certificates, wanted at most ${CERTIFICATES_MAX}`
  // Whoever pastes the wrong file should hear of it here, not from a link that never comes up.
  if (ca.includes('PRIVATE KEY')) return 'has a private key, wanted nothing but CA certificates'
  try {
    const other = blocks.map((block) => new X509Certificate(block)).find((certificate) => !certificate.ca)
    if (other === undefined) return undefined
    return `has the certificate of ${other.subject.replaceAll('\n', ', ')}, which is no CA, wanted CA certificates`
  } catch {
    return 'does not parse, wanted CA certificates as PEM'
  }
}
