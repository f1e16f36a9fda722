import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext, checkServerIdentity as verifyName } from 'node:tls'
import { ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js'
import { MeshError } from '@landbridge/core'
import { type Endpoint, isAddressLiteral } from './endpoint.ts'

/** PEM text or bytes, or the path of a PEM file (a string without "-----BEGIN"), which is read again as it is replaced. */
export type Pem = string | Uint8Array

/** How a connection proves who it is and checks whom it talks to. */
export type TlsOptions = {
  /** Authorities that may sign a gateway's certificate. Default: those that Node trusts. */
  readonly ca?: Pem | undefined
  /** Client certificate with its chain; wants `key`. */
  readonly cert?: Pem | undefined
  /** Private key of `cert`. */
  readonly key?: Pem | undefined
  /** Name that every gateway's certificate must carry. Default: the endpoint's host. */
  readonly serverName?: string | undefined
}

/** TLS needs some server name to announce when the endpoint is an IP address; RFC 2606 keeps this one free. */
const NO_NAME = 'landbridge.invalid'

/** Certificates and key as they were when they were read. */
export type TlsMaterial = {
  readonly ca: Buffer | undefined
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
}

/** Reads the PEM files; throws `invalid_argument` that names the file. */
export function readTlsMaterial(options: TlsOptions): TlsMaterial {
  if ((options.cert === undefined) !== (options.key === undefined)) {
    throw new MeshError('invalid_argument', 'tls: only one of cert and key is set, wanted both or neither')
  }
  return { ca: readPem('ca', options.ca), cert: readPem('cert', options.cert), key: readPem('key', options.key) }
}

/** True when both hold the same bytes. */
export function sameMaterial(a: TlsMaterial, b: TlsMaterial): boolean {
  return sameBytes(a.ca, b.ca) && sameBytes(a.cert, b.cert) && sameBytes(a.key, b.key)
}

/** What grpc-js needs to dial an endpoint. */
export function channelSecurity(
  endpoint: Endpoint,
  context: SecureContext,
  serverName: string | undefined,
): { readonly credentials: ChannelCredentials; readonly options: ChannelOptions } {
  const name = endpoint.serverName ?? serverName
  if (name !== undefined) {
    const credentials = ChannelCredentials.createFromSecureContext(context)
    return { credentials, options: { 'grpc.ssl_target_name_override': name } }
  }
  if (!isAddressLiteral(endpoint))
    return { credentials: ChannelCredentials.createFromSecureContext(context), options: {} }
  // grpc-js would announce the IP address as server name, which Node 26 refuses to do. Announce a
  // placeholder and verify the certificate against the address itself.
  const credentials = ChannelCredentials.createFromSecureContext(context, {
    checkServerIdentity: (_placeholder, certificate) => verifyName(endpoint.host, certificate),
  })
  return { credentials, options: { 'grpc.ssl_target_name_override': NO_NAME } }
}

/** The material, ready for TLS; throws `invalid_argument` when key and certificate are no pair. */
export function secureContextOf(material: TlsMaterial): SecureContext {
  const { ca, cert, key } = material
  try {
    return createSecureContext({
      minVersion: 'TLSv1.3',
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    })
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new MeshError('invalid_argument', `tls: ${text}, wanted PEM certificates and the key of cert`, { cause })
  }
}

/** True for the path of a file. */
export function isFile(pem: Pem | undefined): pem is string {
  return typeof pem === 'string' && !pem.includes('-----BEGIN')
}

function readPem(name: string, pem: Pem | undefined): Buffer | undefined {
  if (pem === undefined) return undefined
  if (!isFile(pem)) return Buffer.from(pem)
  try {
    return readFileSync(pem)
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new MeshError(
      'invalid_argument',
      `tls: cannot read ${name}: ${text}, wanted PEM text or the path of a PEM file`,
      {
        cause,
      },
    )
  }
}

function sameBytes(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.equals(b))
}
