import { type KubeClient, RESOURCES } from '@landbridge/operator'

const TENANT = 'bench'
/** Requests that are under way at a time: as many as a GitOps controller has. */
const PARALLEL = 16
const READY_LIMIT_MS = 600_000

const TYPE = typeOf('Topic')

/** The Topics of a benchmark. */
export class TopicResources {
  readonly tenant = TENANT
  readonly #client: KubeClient

  constructor(client: KubeClient) {
    this.#client = client
  }

  /** Makes so many at once; resolves when all are Ready, with the time since the first was sent, in ms. */
  async makeReady(count: number): Promise<number> {
    const list = await this.#client.list(TYPE, TENANT, { limit: 1 })
    const ended = new AbortController()
    const ready = new Set<string>()
    const begun = performance.now()
    const done = Promise.withResolvers<number>()
    const limit = setTimeout(
      () => done.reject(new Error(`make topics: ${ready.size} of ${count} are Ready after ${READY_LIMIT_MS} ms`)),
      READY_LIMIT_MS,
    )
    const watch = this.#client.watch(
      TYPE,
      TENANT,
      { query: { resourceVersion: list.metadata.resourceVersion }, signal: ended.signal },
      ({ object }) => {
        if (!isReady(object)) return
        ready.add(object.metadata.name)
        if (ready.size === count) done.resolve(performance.now() - begun)
      },
    )
    watch.catch((error: unknown) => done.reject(error))
    try {
      await each(count, (index) =>
        this.#client.create(TYPE, TENANT, {
          apiVersion: 'landbridge.dev/v1alpha1',
          kind: 'Topic',
          metadata: { name: `topic-${index}`, namespace: TENANT },
          spec: { replicas: 1 },
        }),
      )
      return await done.promise
    } finally {
      clearTimeout(limit)
      ended.abort()
    }
  }
}

/** Runs `work` for 0 to count - 1, a few at a time. */
export async function each(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  const indexes = Array.from({ length: count }, (_, index) => index).values()
  const worker = async () => {
    for (const index of indexes) await work(index)
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
}

function isReady(object: object): boolean {
  const { status } = object as {
    readonly status?: { readonly conditions?: readonly { type: string; status: string }[] }
  }
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true
}

function typeOf(kind: string) {
  const found = RESOURCES.find(({ type }) => type.kind === kind)
  if (found === undefined) throw new Error(`find kind ${kind}: there is none`)
  return found.type
}
