import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { MeshError } from '@landbridge/core'
import { spiffeIdOf } from './spiffe.ts'

/** Where our certificate chain, its key and the CA of clients and peers are: PEM files. */
export type CertificateFiles = {
  readonly certificateFile: string
  readonly keyFile: string
  readonly caFile: string
}

/** A checked set: the key belongs to the certificate, everything parses, nothing is expired. */
export type CertificateMaterial = {
  /** Our chain, leaf first, PEM. */
  readonly certificate: Buffer
  /** Our private key, PEM. */
  readonly privateKey: Buffer
  /** CA certificates, PEM. */
  readonly ca: Buffer
  /** The leaf of our chain. */
  readonly leaf: X509Certificate
  /** The private key, to sign peer tokens with. */
  readonly key: KeyObject
  /** URI SAN of our leaf that is a SPIFFE id; undefined when there is none. */
  readonly spiffe: string | undefined
  /** Identifies the content of the three files. */
  readonly digest: string
}

/** The bytes of the three files, unchecked. */
export type CertificateBytes = Pick<CertificateMaterial, 'certificate' | 'privateKey' | 'ca' | 'digest'>

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Reads the three files. @throws MeshError 'failed_precondition' that names the file. */
export async function readCertificateFiles(files: CertificateFiles): Promise<CertificateBytes> {
  const [certificate, privateKey, ca] = await Promise.all([
    read(files.certificateFile),
    read(files.keyFile),
    read(files.caFile),
  ])
  const digest = createHash('sha256')
  for (const part of [certificate, privateKey, ca]) digest.update(`${part.length}:`).update(part)
  return { certificate, privateKey, ca, digest: digest.digest('base64') }
}

/**
 * Checks what was read: a rotation is not atomic, so the certificate of one generation can meet the key of another.
 * @throws MeshError 'failed_precondition' that says which file is wrong and how.
 */
export function checkCertificates(
  bytes: CertificateBytes,
  files: CertificateFiles,
  nowMs: number,
): CertificateMaterial {
  const [leaf] = parseCertificates(bytes.certificate, files.certificateFile)
  const authorities = parseCertificates(bytes.ca, files.caFile)
  const key = parseKey(bytes.privateKey, files.keyFile)
  if (leaf === undefined || !leaf.checkPrivateKey(key)) {
    throw refusal(`${files.keyFile} is not the key of ${files.certificateFile}, wanted a matching pair`)
  }
  if (leaf.validToDate.getTime() <= nowMs) {
    throw refusal(`${files.certificateFile} expired on ${leaf.validTo}, wanted a valid certificate`)
  }
  if (authorities.every((authority) => authority.validToDate.getTime() <= nowMs)) {
    throw refusal(`every certificate in ${files.caFile} is expired, wanted a valid CA`)
  }
  return { ...bytes, leaf, key, spiffe: spiffeIdOf(leaf) }
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new MeshError('failed_precondition', `load certificates: cannot read ${file}`, { cause })
  }
}

function parseCertificates(pem: Buffer, file: string): X509Certificate[] {
  const blocks = pem.toString('latin1').match(PEM_CERTIFICATE) ?? []
  if (blocks.length === 0) throw refusal(`${file} has no certificate, wanted PEM`)
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch (cause) {
    throw refusal(`${file} does not parse, wanted PEM certificates`, cause)
  }
}

function parseKey(pem: Buffer, file: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    throw refusal(`${file} does not parse, wanted an unencrypted PEM private key`, cause)
  }
}

function refusal(text: string, cause?: unknown): MeshError {
  return new MeshError('failed_precondition', `load certificates: ${text}`, { cause })
}
