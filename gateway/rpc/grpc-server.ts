import type { ServerHttp2Session } from 'node:http2'
import { experimental, Server, type ServerCredentials, type ServerInterceptor } from '@grpc/grpc-js'
import type { ListenAddress } from '@landbridge/service'
import type { Trust } from '../auth/index.ts'
import type { Config } from '../config.ts'

/** Largest response, in bytes: a frame of deliveries around one event of the largest size fits well. */
const RESPONSE_BYTES_MAX = 64 * 1024 * 1024
const KEEPALIVE_MS = 30_000
/** An answer to a ping waits behind the data that is on its way, which over a slow link takes a while. */
const KEEPALIVE_TIMEOUT_MS = 30_000
const IDLE_MS = 900_000
/** What one stream, and one connection, may send ahead of our reading: bounds what a connection makes us hold. */
const STREAM_WINDOW_BYTES = 1024 * 1024
const SESSION_WINDOW_BYTES = 4 * 1024 * 1024

/** A gRPC server with our bounds and without services. */
export function createGrpcServer(config: Pick<Config, 'limits'>, interceptors: ServerInterceptor[]): Server {
  const { limits } = config
  return new Server({
    interceptors,
    'grpc.max_receive_message_length': limits.requestBytesMax,
    'grpc.max_send_message_length': RESPONSE_BYTES_MAX,
    'grpc-node.max_session_memory': limits.sessionMemoryMiB,
    // After this age a client is asked to connect anew, and meets the newest certificate; its streams run on.
    'grpc.max_connection_age_ms': limits.connectionAgeMs,
    'grpc.max_connection_idle_ms': IDLE_MS,
    // A client that vanished without a word is noticed, and its unsettled events go back to their group.
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.enable_channelz': 0,
  })
}

/**
 * TLS with our certificate, and with every CA that counts for anybody. A client certificate is always asked for; with
 * `optional` the handshake lets one of another CA pass, so that the call can be refused with a status that says why.
 */
export function serverCredentials(trust: Trust, { tls, limits }: Pick<Config, 'tls' | 'limits'>): ServerCredentials {
  // Its typings name the two providers in the other order than its code; with one object for both that does not matter.
  const required = tls.clientCertificates === 'required'
  const credentials = experimental.createCertificateProviderServerCredentials(trust, trust, required)
  // The receive window of grpc-js servers stays at 64 KiB whatever its options say (grpc-node PR 3058): a publisher 50 ms
  // away could send 1.3 MB/s. The options of the credentials reach node:http2, and those say it.
  const options = credentials._getConstructorOptions()
  const settings = { initialWindowSize: STREAM_WINDOW_BYTES, maxConcurrentStreams: limits.connectionStreamsMax }
  credentials._getConstructorOptions = () => ({ ...options, settings })
  return credentials
}

const widened = new WeakSet<ServerHttp2Session>()

/** Lets a connection's streams together send more than 64 KiB ahead; see `serverCredentials`. */
export function widenWindow(session: ServerHttp2Session): void {
  if (widened.has(session)) return
  widened.add(session)
  session.setLocalWindowSize(SESSION_WINDOW_BYTES)
}

/** Binds; resolves to the port. @throws Error when the address cannot be had. */
export async function bind(
  server: Server,
  { grpc, limits }: Pick<Config, 'grpc' | 'limits'>,
  credentials: ServerCredentials,
): Promise<number> {
  const port = await listenOn(server, grpc, credentials)
  limitConnections(server, limits.connectionsMax)
  return port
}

/** grpc-js has no option for it and hides its listening servers: better no gateway than one without the bound. */
function limitConnections(server: Server, connectionsMax: number): void {
  const listening: unknown = Reflect.get(server, 'http2Servers')
  if (!(listening instanceof Map) || listening.size === 0) throw new Error('bind: cannot bound the connections')
  for (const one of listening.keys()) one.maxConnections = connectionsMax
}

function listenOn(server: Server, listen: ListenAddress, credentials: ServerCredentials): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host
  server.bindAsync(`${host}:${listen.port}`, credentials, (error, port) => (error ? reject(error) : resolve(port)))
  return promise
}
