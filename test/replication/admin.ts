import { readFile } from 'node:fs/promises'
import { create } from '@bufbuild/protobuf'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import type { Lab } from '@landbridge/lab'
import {
  AdminService,
  GetLagRequestSchema,
  type GetLagResponse,
  type GrpcMethod,
  grpcMethods,
  ListPeersRequestSchema,
  type ListPeersResponse,
} from '@landbridge/proto'

const admin = grpcMethods(AdminService)

/** What an administrator of a region sees of replication. */
export class RegionAdmin {
  readonly #lab: Lab
  readonly #region: string

  constructor(lab: Lab, region: string) {
    this.#lab = lab
    this.#region = region
  }

  getLag(): Promise<GetLagResponse> {
    return this.#call(admin.getLag, create(GetLagRequestSchema, {}))
  }

  listPeers(): Promise<ListPeersResponse> {
    return this.#call(admin.listPeers, create(ListPeersRequestSchema, {}))
  }

  /** The gateway's metrics as text. */
  async metrics(): Promise<string> {
    const [endpoint] = this.#lab.region(this.#region).httpEndpoints
    return (await fetch(`${endpoint}/metrics`)).text()
  }

  async #call<Request, Response>(method: GrpcMethod<Request, Response>, request: Request): Promise<Response> {
    const [endpoint = ''] = this.#lab.region(this.#region).endpoints
    const metadata = new Metadata({ waitForReady: true })
    metadata.set('authorization', `Bearer ${await this.#lab.adminToken()}`)
    const client = new Client(endpoint, credentials.createSsl(await readFile(this.#lab.caFile)))
    const { requestSerialize, responseDeserialize, path } = method
    try {
      return await new Promise<Response>((resolve, reject) => {
        const options = { deadline: Date.now() + 10_000 }
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadata,
          options,
          (error, answer) => {
            if (answer === undefined) reject(error ?? new Error(`${path}: no answer`))
            else resolve(answer)
          },
        )
      })
    } finally {
      client.close()
    }
  }
}
