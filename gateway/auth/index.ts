export type { CertificateMaterial } from './certificate-files.ts'
export { CertificateSource } from './certificates.ts'
export { type PeerCertificate, peerCertificateOf } from './peer-certificate.ts'
export { isSpiffeId, spiffeIdOf } from './spiffe.ts'
