import { createPrivateKey, X509Certificate as NodeCertificate, randomBytes } from 'node:crypto'
import { usageFailure } from '../command-failure.ts'
import { createKeyPair, readSigningKey } from './key-pair.ts'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from './x509.ts'

/** A certificate and its private key, PEM. */
export type IssuedCertificate = { readonly cert: string; readonly key: string }

/** What a certificate is good for. */
export type CertificateUse = 'server' | 'client' | 'both'

/** A certificate that an authority shall issue. */
export type CertificateRequest = {
  /** Common name. */
  readonly name: string
  /** DNS names of a server. */
  readonly dns: readonly string[]
  /** IP addresses of a server. */
  readonly ips: readonly string[]
  /** URIs, such as SPIFFE ids. */
  readonly uris: readonly string[]
  readonly use: CertificateUse
  /** How long it is good, milliseconds; never longer than its authority. */
  readonly validForMs: number
}

/** The authority's files, PEM. The names are for messages. */
export type AuthorityFiles = {
  readonly cert: string
  readonly certName: string
  readonly key: string
  readonly keyName: string
}

// Clocks of two machines differ a little.
const BACKDATE_MS = 5 * 60_000

/** A new authority with an EC P-256 key, which may sign end certificates only. */
export async function createAuthority(name: string, validForMs: number, now: number): Promise<IssuedCertificate> {
  const { keys, algorithm, pem } = await createKeyPair()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: nameOf(name),
    keys,
    serialNumber: randomSerial(),
    signingAlgorithm: algorithm.signature,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + validForMs),
    extensions: [
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new BasicConstraintsExtension(true, 0, true),
    ],
  })
  return { cert: `${certificate.toString('pem')}\n`, key: pem }
}

/** A certificate with a new EC P-256 key, signed by the authority. @throws CommandFailure 'usage' about the authority. */
export async function issueCertificate(
  files: AuthorityFiles,
  request: CertificateRequest,
  now: number,
): Promise<IssuedCertificate> {
  const authority = readAuthority(files, now)
  const signer = await readSigningKey(files.key, files.keyName)
  const { keys, pem } = await createKeyPair()
  const names = namesOf(request)
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: nameOf(request.name),
    issuer: authority.subject,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(Math.min(now + request.validForMs, authority.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: signer.key,
    signingAlgorithm: signer.algorithm.signature,
    extensions: [
      await AuthorityKeyIdentifierExtension.create(authority),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(usagesOf(request.use)),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension([...names])]),
    ],
  })
  return { cert: `${certificate.toString('pem')}\n`, key: pem }
}

function readAuthority({ cert, certName, key, keyName }: AuthorityFiles, now: number): X509Certificate {
  const authority = parseAuthority(cert, certName)
  if (authority.getExtension(BasicConstraintsExtension)?.ca !== true) {
    throw usageFailure(`authority: ${certName} may not sign certificates, wanted one made by \`certs ca\` or alike`)
  }
  if (authority.notAfter.getTime() <= now) {
    throw usageFailure(`authority: ${certName} ended ${authority.notAfter.toISOString()}, wanted one that is good now`)
  }
  if (!samePublicKey(cert, key)) {
    throw usageFailure(`authority: ${keyName} is not the key of ${certName}, wanted the pair`)
  }
  return authority
}

function parseAuthority(pem: string, name: string): X509Certificate {
  try {
    return new X509Certificate(new NodeCertificate(pem).raw)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw usageFailure(`authority: ${name} holds no certificate (${reason}), wanted a PEM file`)
  }
}

function samePublicKey(cert: string, key: string): boolean {
  try {
    return new NodeCertificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    // `readSigningKey` says what is wrong with a key that cannot be read.
    return true
  }
}

function namesOf({ dns, ips, uris }: CertificateRequest): JsonGeneralNames {
  return [
    ...dns.map((value) => ({ type: 'dns' as const, value })),
    ...ips.map((value) => ({ type: 'ip' as const, value })),
    ...uris.map((value) => ({ type: 'url' as const, value })),
  ]
}

function usagesOf(use: CertificateUse): ExtendedKeyUsage[] {
  if (use === 'server') return [ExtendedKeyUsage.serverAuth]
  return use === 'client' ? [ExtendedKeyUsage.clientAuth] : [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]
}

// As data, so that no character of the name needs escaping.
function nameOf(name: string): string {
  return new Name([{ CN: [{ utf8String: name }] }]).toString()
}

// RFC 5280: positive, at most 20 bytes.
function randomSerial(): string {
  const serial = randomBytes(16)
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40, 0)
  return serial.toString('hex')
}
