import type { experimental } from '@grpc/grpc-js'

type CaListener = Parameters<experimental.CertificateProvider['addCaCertificateListener']>[0]

/** CA certificates that never change, for grpc-js: those of one RegionPeer. It has no identity. */
export class FixedCa implements experimental.CertificateProvider {
  readonly #caCertificate: Buffer
  readonly #listeners = new Set<CaListener>()

  /** @param ca PEM */
  constructor(ca: string) {
    this.#caCertificate = Buffer.from(ca)
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#listeners.add(listener)
    queueMicrotask(() => {
      if (this.#listeners.has(listener)) listener({ caCertificate: this.#caCertificate })
    })
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#listeners.delete(listener)
  }

  addIdentityCertificateListener(): void {}

  removeIdentityCertificateListener(): void {}
}
