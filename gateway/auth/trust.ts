import { X509Certificate } from 'node:crypto'
import type { experimental } from '@grpc/grpc-js'
import { certificatesIn } from '@landbridge/core'
import type { CertificateMaterial } from './certificate-files.ts'
import type { CertificateSource } from './certificates.ts'
import { chainsTo } from './chain.ts'
import type { PeerCertificate } from './peer-certificate.ts'

type CaListener = Parameters<experimental.CertificateProvider['addCaCertificateListener']>[0]

/**
 * Which CAs count for whom. The server lets certificates of our own CA and of all peers' CAs through the handshake;
 * whoever looks at a certificate afterwards says which of them it has to be of. Guarantees:
 * 1. A CA that was given for a peer counts for nobody but that peer: `isOwn` is false for its certificates.
 * 2. While no peer ever had a CA of its own, nothing but the handshake is asked, and `isOwn` costs nothing.
 */
export class Trust implements experimental.CertificateProvider, Disposable {
  readonly #certificates: CertificateSource
  readonly #listeners = new Set<CaListener>()
  readonly #stopFollowing: () => void
  readonly #anchors = new Map<string, readonly X509Certificate[]>()
  readonly #verdicts = new WeakMap<PeerCertificate, Map<string, boolean>>()
  #ownCa: string
  #peerCas: readonly string[] = []
  #extended = false

  constructor(certificates: CertificateSource) {
    this.#certificates = certificates
    this.#ownCa = textOf(certificates.current)
    this.#stopFollowing = certificates.onChange((material) => {
      this.#ownCa = textOf(material)
      this.#publish()
    })
  }

  /** The CAs of peers, PEM, from now on: for new connections, and for what is asked here. */
  setPeerCas(cas: Iterable<string>): void {
    const wanted = [...new Set(cas)].sort()
    if (wanted.join() === this.#peerCas.join()) return
    this.#peerCas = wanted
    this.#extended = true
    this.#publish()
  }

  /** Whether a certificate that passed the handshake is of our own CA. */
  isOwn(certificate: PeerCertificate): boolean {
    return !this.#extended || this.isOf(certificate, this.#ownCa)
  }

  /** Whether a certificate that passed the handshake is of these CAs, PEM. */
  isOf(certificate: PeerCertificate, ca: string): boolean {
    let verdicts = this.#verdicts.get(certificate)
    if (verdicts === undefined) {
      verdicts = new Map()
      this.#verdicts.set(certificate, verdicts)
    }
    let verdict = verdicts.get(ca)
    if (verdict === undefined) {
      // Its CAs may have changed often while the connection stood.
      if (verdicts.size >= VERDICTS_MAX) verdicts.clear()
      verdict = chainsTo(certificate.x509, certificate.presented, this.#anchorsOf(ca))
      verdicts.set(ca, verdict)
    }
    return verdict
  }

  /** For grpc-js: told in a moment, and after each change. */
  addCaCertificateListener(listener: CaListener): void {
    this.#listeners.add(listener)
    queueMicrotask(() => {
      if (this.#listeners.has(listener)) listener({ caCertificate: this.#all() })
    })
  }

  /** For grpc-js. */
  removeCaCertificateListener(listener: CaListener): void {
    this.#listeners.delete(listener)
  }

  /** For grpc-js: our identity is the certificates' own. */
  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#certificates.addIdentityCertificateListener(listener)
  }

  /** For grpc-js. */
  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#certificates.removeIdentityCertificateListener(listener)
  }

  /** Follows the certificates no more. */
  [Symbol.dispose](): void {
    this.#stopFollowing()
  }

  #publish(): void {
    this.#anchors.clear()
    const caCertificate = this.#all()
    for (const listener of this.#listeners) listener({ caCertificate })
  }

  #all(): Buffer {
    return Buffer.from([this.#ownCa, ...this.#peerCas].join('\n'))
  }

  #anchorsOf(ca: string): readonly X509Certificate[] {
    let anchors = this.#anchors.get(ca)
    if (anchors === undefined) {
      anchors = certificatesIn(ca).map((block) => new X509Certificate(block))
      this.#anchors.set(ca, anchors)
    }
    return anchors
  }
}

type IdentityListener = Parameters<experimental.CertificateProvider['addIdentityCertificateListener']>[0]

const VERDICTS_MAX = 16

function textOf({ ca }: CertificateMaterial): string {
  return ca.toString('latin1')
}
