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
  RetireRequestSchema,
  type RetireResponse,
} from '@landbridge/proto'

const admin = grpcMethods(AdminService)

/** What an administrator of a region sees of replication, through one of its gateways (default the first). */
export class RegionAdmin {
  readonly #lab: Lab
  readonly #region: string
  readonly #gateway: number

  constructor(lab: Lab, region: string, gateway = 0) {
    this.#lab = lab
    this.#region = region
    this.#gateway = gateway
  }

  getLag(): Promise<GetLagResponse> {
    return this.#call(admin.getLag, create(GetLagRequestSchema, {}))
  }

  listPeers(): Promise<ListPeersResponse> {
    return this.#call(admin.listPeers, create(ListPeersRequestSchema, {}))
  }

  retire(
    region: string,
    options: { readonly dryRun?: boolean; readonly eventsMax?: number } = {},
  ): Promise<RetireResponse> {
    return this.#call(admin.retire, create(RetireRequestSchema, { region, ...options }))
  }

  /** The gateway's metrics as text. */
  async metrics(): Promise<string> {
    const endpoint = this.#lab.region(this.#region).httpEndpoints[this.#gateway]
    return (await fetch(`${endpoint}/metrics`)).text()
  }

  /** A metric of replication, summed over its labels, or over those that look like that: "divergences_total". */
  async counter(name: string, labels = /^/): Promise<number> {
    const lines = (await this.metrics())
      .split('\n')
      .filter((line) => line.startsWith(`landbridge_replication_${name}{`) && labels.test(line))
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }

  async #call<Request, Response>(method: GrpcMethod<Request, Response>, request: Request): Promise<Response> {
    const endpoint = this.#lab.region(this.#region).endpoints[this.#gateway] ?? ''
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
