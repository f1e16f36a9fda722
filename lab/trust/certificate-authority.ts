import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

cryptoProvider.set(webcrypto)

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000
// Certificates are valid from a little before now: the clocks of two processes may differ.
const BACKDATE_MS = 5 * 60_000

/** A certificate with its key, and the authority it chains to, as PEM files. */
export type CertificateFiles = { readonly cert: string; readonly key: string; readonly ca: string }

/** What a certificate says. */
export type CertificateRequest = {
  /** Common name; also the names of the files. */
  readonly name: string
  /** `dns` names of a server; default none. */
  readonly dns?: readonly string[]
  /** URI subject alternative names, such as SPIFFE ids; default none. */
  readonly uris?: readonly string[]
  /** End of validity; default in 30 days. A moment in the past gives an expired certificate. */
  readonly notAfter?: Date
}

/** A certificate authority (EC P-256) that keeps itself and what it issues in one folder. */
export class CertificateAuthority {
  /** The authority's own certificate, PEM. */
  readonly caFile: string
  readonly #folder: string
  readonly #certificate: X509Certificate
  readonly #keys: webcrypto.CryptoKeyPair

  private constructor(folder: string, certificate: X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.#folder = folder
    this.#certificate = certificate
    this.#keys = keys
    this.caFile = join(folder, 'ca.crt')
  }

  /** Opens the authority in `folder`, or makes one there. */
  static async open(folder: string, name: string): Promise<CertificateAuthority> {
    const [certificate, key] = await Promise.all(
      ['ca.crt', 'ca.key'].map((file) => readFile(join(folder, file), 'utf8').catch(() => undefined)),
    )
    if (certificate === undefined || key === undefined) return CertificateAuthority.#create(folder, name)
    const parsed = new X509Certificate(certificate)
    return new CertificateAuthority(folder, parsed, {
      privateKey: await webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(key), KEY, true, ['sign']),
      publicKey: await parsed.publicKey.export(webcrypto as Crypto),
    })
  }

  static async #create(folder: string, name: string): Promise<CertificateAuthority> {
    const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify'])
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: commonName(name),
      keys,
      signingAlgorithm: SIGNATURE,
      serialNumber: serialNumber(),
      notBefore: new Date(Date.now() - BACKDATE_MS),
      notAfter: new Date(Date.now() + 365 * DAY_MS),
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    const authority = new CertificateAuthority(folder, certificate, keys)
    await replaceFile(join(folder, 'ca.key'), await pemOfKey(keys.privateKey))
    await replaceFile(authority.caFile, certificate.toString('pem'))
    return authority
  }

  /**
   * Issues a certificate for servers and clients alike, into `<folder>/<name>.crt` and `.key`. Asked again for the same name it makes a new key and
   * replaces both files, the key first: a reader in between sees a pair that does not match, as in a real rotation.
   */
  async issue(request: CertificateRequest): Promise<CertificateFiles> {
    const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify'])
    const notAfter = request.notAfter ?? new Date(Date.now() + 30 * DAY_MS)
    const names: JsonGeneralNames = [
      ...(request.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
      ...(request.uris ?? []).map((value) => ({ type: 'url' as const, value })),
    ]
    const certificate = await X509CertificateGenerator.create({
      subject: commonName(request.name),
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: SIGNATURE,
      serialNumber: serialNumber(),
      notBefore: new Date(Math.min(Date.now(), notAfter.getTime()) - BACKDATE_MS),
      notAfter,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
        await AuthorityKeyIdentifierExtension.create(this.#certificate),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
      ],
    })
    const base = join(this.#folder, request.name.replaceAll(/[^A-Za-z0-9.-]/g, '_'))
    const files = { cert: `${base}.crt`, key: `${base}.key`, ca: this.caFile }
    await replaceFile(files.key, await pemOfKey(keys.privateKey))
    await replaceFile(files.cert, certificate.toString('pem'))
    return files
  }
}

function commonName(name: string): string {
  return `CN=${name.replaceAll(/[^A-Za-z0-9 ._-]/g, '_')}`
}

// Positive and at most 20 bytes, as RFC 5280 wants it.
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

async function pemOfKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

// By rename, so that a gateway that watches the file never reads half of it.
async function replaceFile(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(`${file}.new`, text, { mode: 0o600 })
  await rename(`${file}.new`, file)
}
