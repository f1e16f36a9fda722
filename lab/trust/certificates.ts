import { join } from 'node:path'
import { CertificateAuthority, type CertificateFiles } from './certificate-authority.ts'

/** Every certificate of a lab: its own authority, and a foreign one that nobody in the mesh trusts. */
export class Certificates {
  /** The mesh's authority. */
  readonly authority: CertificateAuthority
  /** An authority that no gateway trusts, for tests of refusal. */
  readonly foreign: CertificateAuthority
  readonly #mesh: string

  private constructor(mesh: string, authority: CertificateAuthority, foreign: CertificateAuthority) {
    this.#mesh = mesh
    this.authority = authority
    this.foreign = foreign
  }

  /** Opens or makes both authorities under `folder`. `mesh` is the trust domain of every SPIFFE id. */
  static async open(folder: string, mesh: string): Promise<Certificates> {
    const [authority, foreign] = await Promise.all([
      CertificateAuthority.open(join(folder, 'mesh'), 'Landbridge lab authority'),
      CertificateAuthority.open(join(folder, 'foreign'), 'Foreign authority'),
    ])
    return new Certificates(mesh, authority, foreign)
  }

  /**
   * The certificate of a region's gateways: DNS `localhost`, URI `spiffe://<mesh>/region/<region>`. Asked again it rotates the files in place.
   * @param options `authority` signs it (default: the mesh's); `notAfter` ends it (default: in 30 days)
   */
  region(region: string, options: IssueOptions = {}): Promise<CertificateFiles> {
    return this.#issue(`region-${region}`, `region/${region}`, ['localhost'], options)
  }

  /**
   * A service's certificate: URI `spiffe://<mesh>/ns/<tenant>/sa/<name>`.
   * @param options as for `region`
   */
  client(tenant: string, name: string, options: IssueOptions = {}): Promise<CertificateFiles> {
    return this.#issue(`client-${tenant}-${name}`, `ns/${tenant}/sa/${name}`, [], options)
  }

  /** The certificate of a plain HTTPS server on `localhost`. */
  server(name: string): Promise<CertificateFiles> {
    return this.authority.issue({ name: `server-${name}`, dns: ['localhost'] })
  }

  #issue(name: string, path: string, dns: readonly string[], options: IssueOptions): Promise<CertificateFiles> {
    const { authority = this.authority, notAfter } = options
    const uris = [`spiffe://${this.#mesh}/${path}`]
    return authority.issue({ name, dns, uris, ...(notAfter === undefined ? {} : { notAfter }) })
  }
}

/** Ways to get a certificate that a gateway ought to refuse. */
export type IssueOptions = { readonly authority?: CertificateAuthority; readonly notAfter?: Date }
