import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Lab } from '../lab.ts'
import { carryOut } from './actions.ts'
import { ControlError, Fields } from './fields.ts'
import { labStatus } from './status.ts'
import { readTokenRequest } from './token-request.ts'

const BODY_BYTES_MAX = 64 * 1024

/**
 * The lab's control API: JSON over HTTP on 127.0.0.1. Every request carries `authorization: Bearer <token>`; the token is in `control.token` in the
 * state folder, which only its owner can read. Errors answer `{ "error": "<what is, what was wanted>" }`.
 *
 * - `GET /v1/status`: regions with endpoints and processes (role, index, state, pid), links with their mode, paths.
 * - `POST /v1/faults`: answers when the fault is in effect, with the new status. Bodies:
 *   - `{ "action": "kill" | "restart", "region", "target": "gateway" | "nats" | "all", "index"?, "signal"? }`
 *   - `{ "action": "pause" | "resume" | "start", "region", "target", "index"? }`
 *   - `{ "action": "cut", "from", "to", "both"?, "mode"?: "refused" | "blackhole" | "stalled" }`, `{ "action": "heal", "from", "to", "both"? }`
 *   - `{ "action": "isolate", "region", "mode"? }`, `{ "action": "heal-all" }`
 * - `POST /v1/tokens`: a token request as `lab.token` takes it; answers `{ "token" }`.
 * - `POST /v1/keys`: `{ "forgetOld"? }`: the issuer signs with a new key from now on.
 */
export class ControlServer implements AsyncDisposable {
  /** "http://127.0.0.1:<port>". */
  readonly url: string
  /** What a request must carry as its bearer token. */
  readonly token: string
  readonly #lab: Lab
  readonly #server: Server
  #closing: Promise<void> | undefined

  private constructor(lab: Lab, server: Server, token: string) {
    const address = server.address()
    this.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    this.token = token
    this.#lab = lab
    this.#server = server
    server.on('request', (request, response) => void this.#answer(request, response))
  }

  /** Listens on any free port and writes `control.token` and `control.url` into the state folder. */
  static async start(lab: Lab): Promise<ControlServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const control = new ControlServer(lab, server, randomBytes(32).toString('base64url'))
    await writeFile(join(lab.stateDir, 'control.token'), control.token, { mode: 0o600 })
    await writeFile(join(lab.stateDir, 'control.url'), control.url)
    return control
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

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (!this.#isAllowed(request)) {
        respond(response, 401, { error: 'authorize: no valid bearer token, wanted the one in control.token' })
        return
      }
      const body = await this.#route(request)
      if (body === undefined)
        respond(response, 404, { error: `find ${request.method} ${request.url}: there is no such call` })
      else respond(response, 200, body)
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      respond(response, error instanceof ControlError ? 400 : 500, { error: text })
    }
  }

  async #route(request: IncomingMessage): Promise<unknown> {
    const lab = this.#lab
    switch (`${request.method} ${request.url}`) {
      case 'GET /v1/status':
        return labStatus(lab)
      case 'POST /v1/faults':
        await carryOut(lab, new Fields(await readBody(request)))
        return labStatus(lab)
      case 'POST /v1/tokens':
        return { token: await lab.token(readTokenRequest(new Fields(await readBody(request)))) }
      case 'POST /v1/keys': {
        const fields = new Fields(await readBody(request))
        const forgetOld = fields.optionalFlag('forgetOld') ?? false
        fields.finish()
        await lab.issuer.rotateKey({ forgetOld })
        return { rotated: true }
      }
      default:
        return undefined
    }
  }

  #isAllowed(request: IncomingMessage): boolean {
    const digest = (text: string) => createHash('sha256').update(text).digest()
    return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${this.token}`))
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > BODY_BYTES_MAX) throw new ControlError(`the body is over ${BODY_BYTES_MAX} bytes, wanted less`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function respond(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}
