import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { CertificateFiles } from './certificate-authority.ts'

const ALGORITHM = 'ES256'
const KEYS_MAX = 8

/** What a token says. Everything but `subject` has a default that a gateway of the lab accepts. */
export type TokenRequest = {
  /** `sub`. */
  readonly subject: string
  /** `groups`; default none. */
  readonly groups?: readonly string[]
  /** Time to live in seconds, from now; default 3,600; negative gives an expired token. */
  readonly expiresInSeconds?: number
  /** `nbf`, in seconds from now; default none. */
  readonly notBeforeInSeconds?: number
  /** `iss`; default the lab's issuer. */
  readonly issuer?: string
  /** `aud`; default the lab's audience. */
  readonly audience?: string
  /** Any further claims; they win over the ones above. */
  readonly claims?: Readonly<Record<string, unknown>>
  /**
   * How it is signed; default "issuer".
   * - `issuer`: the current key of the JWKS.
   * - `none`: `alg: none`, no signature.
   * - `wrong-key`: another key under the current key's id.
   * - `unknown-key`: another key under an id that the JWKS does not have.
   * - `public-key-as-secret`: HS256 with the public key as the secret.
   */
  readonly signing?: 'issuer' | 'none' | 'wrong-key' | 'unknown-key' | 'public-key-as-secret'
}

type Key = { readonly id: string; readonly privateKey: CryptoKey; readonly publicKey: CryptoKey; readonly jwk: JWK }

/** Issues JWTs and serves its keys over HTTPS on `localhost`, as an identity provider does. */
export class TokenIssuer implements AsyncDisposable {
  /** `iss` of its tokens, and where `/.well-known/openid-configuration` is. */
  readonly url: string
  /** Where the keys are. */
  readonly jwksUrl: string
  /** `aud` of its tokens. */
  readonly audience: string
  readonly #server: Server
  /** Newest first. */
  #keys: readonly Key[]
  readonly #stranger: Key
  #closing: Promise<void> | undefined

  private constructor(server: Server, audience: string, keys: readonly Key[], stranger: Key) {
    const address = server.address()
    this.url = `https://localhost:${typeof address === 'object' ? address?.port : 0}`
    this.jwksUrl = `${this.url}/.well-known/jwks.json`
    this.audience = audience
    this.#server = server
    this.#keys = keys
    this.#stranger = stranger
    server.on('request', (request, response) => this.#answer(request, response))
  }

  /**
   * Starts to listen.
   * @param options `certificate` for the server; `port`, default any free one; `audience` of the tokens
   */
  static async start(options: {
    readonly certificate: CertificateFiles
    readonly audience: string
    readonly port?: number
  }): Promise<TokenIssuer> {
    const { certificate, audience, port = 0 } = options
    const [cert, key, ...keys] = await Promise.all([
      readFile(certificate.cert),
      readFile(certificate.key),
      createKey(),
      createKey(),
    ])
    const server = createServer({ cert, key, minVersion: 'TLSv1.2' })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return new TokenIssuer(server, audience, [keys[0]], keys[1])
  }

  /** A signed token. */
  async token(request: TokenRequest): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: request.issuer ?? this.url,
      aud: request.audience ?? this.audience,
      sub: request.subject,
      iat: now,
      exp: now + (request.expiresInSeconds ?? 3_600),
      jti: randomUUID(),
      ...(request.notBeforeInSeconds === undefined ? {} : { nbf: now + request.notBeforeInSeconds }),
      ...(request.groups === undefined ? {} : { groups: request.groups }),
      ...request.claims,
    }
    const key = this.#current
    switch (request.signing ?? 'issuer') {
      case 'issuer':
        return sign(claims, key.privateKey, key.id)
      case 'wrong-key':
        return sign(claims, this.#stranger.privateKey, key.id)
      case 'unknown-key':
        return sign(claims, this.#stranger.privateKey, this.#stranger.id)
      case 'none':
        return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`
      case 'public-key-as-secret': {
        const body = `${encode({ alg: 'HS256', kid: key.id, typ: 'JWT' })}.${encode(claims)}`
        return `${body}.${createHmac('sha256', await exportSPKI(key.publicKey))
          .update(body)
          .digest('base64url')}`
      }
    }
  }

  /**
   * Signs with a new key from now on. The old ones stay in the JWKS, as in an orderly rotation, unless `forgetOld`: then every token so far must be
   * refused once a gateway has read the keys again. At most eight keys are kept.
   */
  async rotateKey(options: { readonly forgetOld?: boolean } = {}): Promise<void> {
    const fresh = await createKey()
    this.#keys = options.forgetOld === true ? [fresh] : [fresh, ...this.#keys].slice(0, KEYS_MAX)
  }

  /** Stops listening and drops open connections. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #current(): Key {
    return this.#keys[0] ?? this.#stranger
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const bodies: Record<string, unknown> = {
      '/.well-known/jwks.json': { keys: this.#keys.map((key) => key.jwk) },
      '/.well-known/openid-configuration': {
        issuer: this.url,
        jwks_uri: this.jwksUrl,
        id_token_signing_alg_values_supported: [ALGORITHM],
      },
    }
    const body = request.method === 'GET' ? bodies[request.url ?? ''] : undefined
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body ?? { error: 'not found' }))
  }
}

async function createKey(): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  const id = randomUUID()
  return { id, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid: id, alg: ALGORITHM, use: 'sig' } }
}

function sign(claims: Record<string, unknown>, key: CryptoKey, id: string): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, kid: id, typ: 'JWT' }).sign(key)
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
