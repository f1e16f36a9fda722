import { create } from '@bufbuild/protobuf'
import { Server, ServerCredentials, type ServerUnaryCall, type ServiceError, type sendUnaryData } from '@grpc/grpc-js'
import { grpcStatusOf, MeshError } from '@landbridge/core'
import {
  AdminService,
  type ApplyRequest,
  type ApplyResponse,
  ApplyResponseSchema,
  type DeleteRequest,
  type DeleteResponse,
  DeleteResponseSchema,
  type GetLagRequest,
  type GetLagResponse,
  GetLagResponseSchema,
  grpcMethods,
  type ListPeersRequest,
  type ListPeersResponse,
  ListPeersResponseSchema,
  type RetireRequest,
  type RetireResponse,
  RetireResponseSchema,
} from '@landbridge/proto'
import { testCertificate } from '../../testing/certificate.ts'

type Answers = {
  readonly apply?: (request: ApplyRequest) => Parameters<typeof create<typeof ApplyResponseSchema>>[1]
  readonly delete?: (request: DeleteRequest) => Parameters<typeof create<typeof DeleteResponseSchema>>[1]
  readonly peers?: () => Parameters<typeof create<typeof ListPeersResponseSchema>>[1]
  readonly retire?: (request: RetireRequest) => Parameters<typeof create<typeof RetireResponseSchema>>[1]
  readonly lag?: (request: GetLagRequest) => Parameters<typeof create<typeof GetLagResponseSchema>>[1]
}

/** A region's administration for tests: real gRPC over TLS, with the answers that a test gives. */
export class TestRegion implements AsyncDisposable {
  /** "localhost:<port>". */
  readonly endpoint: string
  readonly applied: ApplyRequest[]
  readonly deleted: DeleteRequest[]
  readonly #server: Server

  private constructor(server: Server, port: number, applied: ApplyRequest[], deleted: DeleteRequest[]) {
    this.#server = server
    this.endpoint = `localhost:${port}`
    this.applied = applied
    this.deleted = deleted
  }

  /** Starts one. An answer that is missing, or that throws a `MeshError`, fails the call. */
  static async start(region: string, answers: Answers): Promise<TestRegion> {
    const { cert, key } = await testCertificate()
    const server = new Server()
    const applied: ApplyRequest[] = []
    const deleted: DeleteRequest[] = []
    server.addService(grpcMethods(AdminService), {
      apply: (call: ServerUnaryCall<ApplyRequest, ApplyResponse>, callback: sendUnaryData<ApplyResponse>) => {
        applied.push(call.request)
        answer(callback, () => create(ApplyResponseSchema, { region, ...answers.apply?.(call.request) }))
      },
      delete: (call: ServerUnaryCall<DeleteRequest, DeleteResponse>, callback: sendUnaryData<DeleteResponse>) => {
        deleted.push(call.request)
        answer(callback, () => create(DeleteResponseSchema, { region, ...answers.delete?.(call.request) }))
      },
      listPeers: (
        _call: ServerUnaryCall<ListPeersRequest, ListPeersResponse>,
        callback: sendUnaryData<ListPeersResponse>,
      ) => answer(callback, () => create(ListPeersResponseSchema, { region, ...answers.peers?.() })),
      getLag: (call: ServerUnaryCall<GetLagRequest, GetLagResponse>, callback: sendUnaryData<GetLagResponse>) =>
        answer(callback, () => create(GetLagResponseSchema, { region, ...answers.lag?.(call.request) })),
      retire: (call: ServerUnaryCall<RetireRequest, RetireResponse>, callback: sendUnaryData<RetireResponse>) =>
        answer(callback, () => create(RetireResponseSchema, { region, ...answers.retire?.(call.request) })),
    })
    const credentials = ServerCredentials.createSsl(null, [
      { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) },
    ])
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)))
    })
    return new TestRegion(server, port, applied, deleted)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown()
  }
}

function answer<Response>(callback: sendUnaryData<Response>, respond: () => Response): void {
  try {
    callback(null, respond())
  } catch (thrown) {
    const error = MeshError.from(thrown)
    const failure: Partial<ServiceError> = { code: grpcStatusOf(error.code), details: error.message }
    callback(failure)
  }
}
