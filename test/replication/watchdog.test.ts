import { readFileSync } from 'node:fs'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { Server, ServerCredentials, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js'
import { startLab } from '@landbridge/lab'
import {
  grpcMethods,
  type ReplicateRequest,
  type ReplicateResponse,
  ReplicateResponseSchema,
  ReplicationService,
} from '@landbridge/proto'
import { expect, test } from 'vitest'
import { RegionAdmin } from './admin.ts'
import { DOCUMENTS } from './mesh.ts'

type Call = ServerDuplexStream<ReplicateRequest, ReplicateResponse>
type Response = NonNullable<MessageInitShape<typeof ReplicateResponseSchema>['response']>

/** A region whose link is alive and that says it has three more records, and never sends one. */
class StuckRegion implements AsyncDisposable {
  readonly #server = new Server()
  readonly #calls = new Map<Call, Set<number>>()
  readonly #timer = setInterval(() => this.#speak(), 1_000)
  /** Pulls that were opened so far. */
  opened = 0

  static async start(certificate: { readonly cert: string; readonly key: string; readonly ca: string }) {
    const region = new StuckRegion()
    const { replicate } = grpcMethods(ReplicationService)
    const handlers = { replicate: (call: Call) => region.#serve(call) }
    region.#server.addService({ replicate } as unknown as ServiceDefinition, handlers)
    const pair = { private_key: readFileSync(certificate.key), cert_chain: readFileSync(certificate.cert) }
    const credentials = ServerCredentials.createSsl(readFileSync(certificate.ca), [pair], true)
    const port = await new Promise<number>((resolve, reject) => {
      region.#server.bindAsync('localhost:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)))
    })
    return { region, endpoint: `localhost:${port}` }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.#server.forceShutdown()
  }

  #serve(call: Call): void {
    const pulls = new Set<number>()
    this.#calls.set(call, pulls)
    call.on('error', () => this.#calls.delete(call))
    call.on('close', () => this.#calls.delete(call))
    call.on('data', ({ request }: ReplicateRequest) => {
      if (request.case === 'ping') send(call, { case: 'pong', value: request.value })
      else if (request.case === 'close') pulls.delete(request.value.pullId)
      else if (request.case === 'open') {
        this.opened += 1
        pulls.add(request.value.pullId)
        this.#head(call, request.value.pullId)
      }
    })
    send(call, { case: 'heartbeat', value: { time: timestampFromMs(Date.now()) } })
  }

  #speak(): void {
    for (const [call, pulls] of this.#calls) {
      for (const pullId of pulls) this.#head(call, pullId)
      if (pulls.size === 0) send(call, { case: 'heartbeat', value: { time: timestampFromMs(Date.now()) } })
    }
  }

  #head(call: Call, pullId: number): void {
    send(call, { case: 'head', value: { pullId, head: { sequence: 3n, stamp: 1n }, pending: 3n } })
  }
}

function send(call: Call, response: Response): void {
  call.write(create(ReplicateResponseSchema, { response }))
}

test('a pull that stands still over a link that is alive is opened again, counted, and shown as lag all the while', async () => {
  await using lab = await startLab({ regions: ['eu-west'], documents: DOCUMENTS })
  const { region, endpoint } = await StuckRegion.start(await lab.certificates.region('us-east'))
  await using _ = region
  const metadata = { name: 'us-east' }
  const spec = { endpoints: [endpoint] }
  await lab.apply(JSON.stringify({ apiVersion: 'landbridge.dev/v1alpha1', kind: 'RegionPeer', metadata, spec }))
  const admin = new RegionAdmin(lab, 'eu-west')
  await expect.poll(() => region.opened, { timeout: 10_000 }).toBe(1)
  await expect.poll(() => region.opened, { timeout: 20_000, interval: 200 }).toBe(2)
  expect(await admin.metrics()).toMatch(/runs_ended_total\{origin="us-east",reason="upstream-stalled"\} 1/)
  await expect
    .poll(async () => (await admin.getLag()).lags[0])
    .toMatchObject({ origin: 'us-east', events: 3n, known: true, upstream: 'us-east' })
})
