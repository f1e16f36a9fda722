import type { DescMessage, DescMethod, DescService, MessageShape } from '@bufbuild/protobuf'
import { fromBinary, toBinary } from '@bufbuild/protobuf'

/** Turns messages of one type into bytes and back. */
export type Codec<Message> = {
  readonly serialize: (message: Message) => Buffer
  readonly deserialize: (bytes: Buffer) => Message
}

/** One RPC in the shape that @grpc/grpc-js servers and clients take as a `MethodDefinition`. */
export type GrpcMethod<Request, Response> = {
  readonly path: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  readonly requestSerialize: (message: Request) => Buffer
  readonly requestDeserialize: (bytes: Buffer) => Request
  readonly responseSerialize: (message: Response) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => Response
}

/** The methods of a service by their local (camelCase) name, with decoded messages. */
export type GrpcMethods<Service extends DescService> = {
  readonly [Name in keyof Service['method']]: Service['method'][Name] extends {
    readonly input: infer Input extends DescMessage
    readonly output: infer Output extends DescMessage
  }
    ? GrpcMethod<MessageShape<Input>, MessageShape<Output>>
    : never
}

/** Decodes and encodes whole messages. */
export function messageCodec<Desc extends DescMessage>(desc: Desc): Codec<MessageShape<Desc>> {
  return {
    serialize: (message) => {
      const bytes = toBinary(desc, message)
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    },
    deserialize: (bytes) => fromBinary(desc, bytes),
  }
}

/** Hands the encoded message on as it is: the hot path neither decodes nor encodes an event. */
export const rawCodec: Codec<Buffer> = { serialize: (bytes) => bytes, deserialize: (bytes) => bytes }

/**
 * gRPC method definitions of a service, all with decoded messages. For a hot path, replace a side:
 * `{ ...methods.publishStream, requestDeserialize: rawCodec.deserialize }`.
 */
export function grpcMethods<Service extends DescService>(service: Service): GrpcMethods<Service> {
  const methods = service.methods.map((method) => [method.localName, grpcMethod(method)] as const)
  return Object.fromEntries(methods) as unknown as GrpcMethods<Service>
}

function grpcMethod(method: DescMethod): GrpcMethod<MessageShape<DescMessage>, MessageShape<DescMessage>> {
  const input = messageCodec(method.input)
  const output = messageCodec(method.output)
  const kind = method.methodKind
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: kind === 'client_streaming' || kind === 'bidi_streaming',
    responseStream: kind === 'server_streaming' || kind === 'bidi_streaming',
    requestSerialize: input.serialize,
    requestDeserialize: input.deserialize,
    responseSerialize: output.serialize,
    responseDeserialize: output.deserialize,
  }
}
