import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

/** A certificate that signs itself, and its key. PEM. */
export type TestCertificate = { readonly cert: string; readonly key: string }

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 86_400_000

let made: Promise<TestCertificate> | undefined

/** One of `localhost` for the whole process. */
export function testCertificate(): Promise<TestCertificate> {
  made ??= makeCertificate({ type: 'dns', value: 'localhost' })
  return made
}

/** A new one, of a DNS name or an IP address. */
export async function makeCertificate(name: {
  readonly type: 'dns' | 'ip'
  readonly value: string
}): Promise<TestCertificate> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name.value}`,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true), new x509.SubjectAlternativeNameExtension([name])],
  })
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  return { cert: certificate.toString('pem'), key }
}
