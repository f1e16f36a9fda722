import { readFile } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { MeshError } from '@landbridge/core'
import { usageFailure } from './command-failure.ts'
import type { Context } from './context.ts'

/** The options of the whole program, as commander gives them. */
export type GlobalOptions = {
  readonly endpoints?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsServerName?: string
  /** Milliseconds. */
  readonly timeout?: number
  readonly output?: 'table' | 'json'
  /** False after `--no-color`. */
  readonly color: boolean
}

/** How to reach the mesh: flags first, then the environment. */
export type Settings = {
  /** "host:port" or "region=host:port", home first; at least one. */
  readonly endpoints: readonly string[]
  /** The token, or what reads it: a file is read again when its token ran out. */
  readonly token: string | (() => Promise<string>) | undefined
  /** Files of the TLS connection. */
  readonly tls: {
    readonly ca: string | undefined
    readonly cert: string | undefined
    readonly key: string | undefined
    readonly serverName: string | undefined
  }
  /** Milliseconds that the user gives it; undefined for the command's default. */
  readonly timeoutMs: number | undefined
}

/** Reads the settings. @throws CommandFailure 'usage' that says what to set. */
export function readSettings(options: GlobalOptions, env: Context['env']): Settings {
  const endpoints = (options.endpoints ?? env.LANDBRIDGE_ENDPOINTS ?? '')
    .split(',')
    .map((endpoint) => endpoint.trim())
    .filter((endpoint) => endpoint !== '')
  if (endpoints.length === 0) {
    throw usageFailure(
      'endpoints: none given, wanted the gateways to talk to',
      'set LANDBRIDGE_ENDPOINTS or --endpoints, such as us-east=localhost:7443,eu-west=localhost:7444',
    )
  }
  return {
    endpoints,
    token: tokenOf(options, env),
    tls: {
      ca: fileOf(options.tlsCa ?? env.LANDBRIDGE_CA),
      cert: fileOf(options.tlsCert ?? env.LANDBRIDGE_CERT),
      key: fileOf(options.tlsKey ?? env.LANDBRIDGE_KEY),
      serverName: given(options.tlsServerName ?? env.LANDBRIDGE_SERVER_NAME),
    },
    timeoutMs: options.timeout,
  }
}

/** The configured token, or what reads it; undefined without one. Flags win over the environment. */
export function tokenOf(options: GlobalOptions, env: Context['env']): Settings['token'] {
  if (options.token !== undefined && options.tokenFile !== undefined) {
    throw usageFailure('token: both --token and --token-file are given, wanted one')
  }
  if (options.token !== undefined) return given(options.token)
  if (options.tokenFile !== undefined) return readerOf(options.tokenFile)
  const token = given(env.LANDBRIDGE_TOKEN)
  const file = given(env.LANDBRIDGE_TOKEN_FILE)
  return token ?? (file === undefined ? undefined : readerOf(file))
}

function readerOf(file: string): () => Promise<string> {
  return async () => {
    const text = await readFile(file, 'utf8').catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new MeshError('unauthenticated', `token file: cannot be read: ${reason}, wanted a file with a token`, {
        cause,
      })
    })
    const token = text.trim()
    if (token === '') throw new MeshError('unauthenticated', `token file: ${file} is empty, wanted a token`)
    return token
  }
}

function fileOf(path: string | undefined): string | undefined {
  const file = given(path)
  // The SDK takes PEM text or a path.
  return file === undefined || isAbsolute(file) || file.includes('-----BEGIN') ? file : resolve(file)
}

// An empty variable is how shells unset one for a single command.
function given(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === '' ? undefined : trimmed
}
