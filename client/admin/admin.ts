import { create } from '@bufbuild/protobuf'
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt'
import {
  AdminService,
  ApplyAction,
  ApplyRequestSchema,
  type ApplyResponse,
  DeleteRequestSchema,
  type DeleteResponse,
  GetLagRequestSchema,
  grpcMethods,
  LinkState,
  ListPeersRequestSchema,
  RetireRequestSchema,
} from '@landbridge/proto'
import type { CallOptions } from '../scope.ts'
import type { ClientMethod } from '../transport/link.ts'
import { retry } from '../transport/retry.ts'
import type { Transport } from '../transport/transport.ts'

const methods = grpcMethods(AdminService)

/** Which gateway a call of an administrator goes to. */
export type AdminOptions = CallOptions & {
  /** Address of an endpoint of this client, or the region of some. Default: the first endpoint. */
  readonly endpoint?: string | undefined
}

/** What was done, or would be done, with one document. */
export type ApplyOutcome = {
  /** The region that did it. */
  readonly answeredBy: string
  /** "Topic", "AccessPolicy" or "RegionPeer". */
  readonly kind: string
  /** "<tenant>/<name>", or "<name>" for a RegionPeer. */
  readonly name: string
  readonly action: 'created' | 'updated' | 'unchanged' | 'deleted' | 'failed'
  /** Each change, for people. */
  readonly changes: readonly string[]
  /** Why it failed. */
  readonly error: string | undefined
}

/** What a region gave back of one that is gone, or would. */
export type Retirement = {
  readonly answeredBy: string
  readonly topics: readonly { readonly topic: string; readonly events: number }[]
  /** There is more than was asked for. */
  readonly more: boolean
}

/** Another region, as the region that answers sees it. */
export type PeerStatus = {
  readonly answeredBy: string
  readonly region: string
  readonly endpoints: readonly string[]
  readonly state: 'connecting' | 'connected' | 'disconnected' | 'unknown'
  /** Why, when it is not connected. */
  readonly reason: string | undefined
  /** When something last came over the link. */
  readonly lastContact: Date | undefined
  /** Pulls that are open over it. */
  readonly pulls: number
  /** Preference among routes, lowest first. */
  readonly cost: number
  /** The way there and back as measured, milliseconds; undefined when not known. */
  readonly rttMs: number | undefined
}

/** How far the region that answers is behind one origin of one topic. */
export type TopicLag = {
  readonly answeredBy: string
  readonly topic: string
  readonly origin: string
  /** Events that the origin holds and this region does not yet; meaningless unless `known`. */
  readonly events: number
  /** Age of the oldest such event. */
  readonly seconds: number
  /** False while the origin has not been heard: nobody knows the lag. */
  readonly known: boolean
  readonly appliedSequence: number
  readonly headSequence: number
  readonly reportedTime: Date | undefined
  /** The region that the origin's events come from now: the origin itself or a relay. */
  readonly upstream: string | undefined
  /** The gateway that pulls them. */
  readonly gateway: string | undefined
  /** Every event that the origin stored up to then, by its clock, is here; undefined when not known. */
  readonly watermark: Date | undefined
  /** Why nothing moves. */
  readonly problem: string | undefined
  /** Retention gaps of this origin: events that no reachable region kept any more. */
  readonly gaps: number
}

/** Running a region: every call is answered by one gateway, and tells which region it is of. */
export class Admin {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /**
   * Applies Topic, AccessPolicy and RegionPeer documents (YAML or JSON) to one region, all checked before any is
   * applied. One outcome a document, in order: look for `failed`. `dryRun` (default false) checks and plans only.
   * @throws MeshError 'invalid_argument' when a document is wrong: then nothing was applied.
   */
  async apply(documents: string, options: AdminOptions & { readonly dryRun?: boolean } = {}): Promise<ApplyOutcome[]> {
    const request = create(ApplyRequestSchema, { documents, dryRun: options.dryRun ?? false })
    return outcomesOf(await this.#call('apply documents', methods.apply, request, options))
  }

  /**
   * Deletes what was applied to one region; a topic's events go or stay by its `deletionPolicy`. One outcome a document,
   * in order: `unchanged` when it was not there; look for `failed`. `dryRun` (default false) only tells what would go.
   * @throws MeshError 'invalid_argument' when a name is wrong: then nothing was deleted.
   */
  async delete(
    documents: readonly { readonly kind: 'Topic' | 'AccessPolicy' | 'RegionPeer'; readonly name: string }[],
    options: AdminOptions & { readonly dryRun?: boolean } = {},
  ): Promise<ApplyOutcome[]> {
    const request = create(DeleteRequestSchema, { documents: [...documents], dryRun: options.dryRun ?? false })
    return outcomesOf(await this.#call('delete documents', methods.delete, request, options))
  }

  /** The other regions, and the links to them. */
  async peers(options: AdminOptions = {}): Promise<PeerStatus[]> {
    const request = create(ListPeersRequestSchema)
    const { region: answeredBy, peers } = await this.#call('list peers', methods.listPeers, request, options)
    return peers.map(({ region, endpoints, state, reason, lastContact, pulls, cost, rttMs }) => ({
      answeredBy,
      region,
      endpoints,
      state: STATES[state] ?? 'unknown',
      reason: given(reason),
      lastContact: dateOf(lastContact),
      pulls,
      cost,
      rttMs: rttMs === 0 ? undefined : rttMs,
    }))
  }

  /** Lag behind each origin, of one topic or of all. */
  async lag(topic?: string, options: AdminOptions = {}): Promise<TopicLag[]> {
    const request = create(GetLagRequestSchema, { topic: topic ?? '' })
    const { region, lags } = await this.#call('get lag', methods.getLag, request, options)
    return lags.map((lag) => ({
      answeredBy: region,
      topic: lag.topic,
      origin: lag.origin,
      events: Number(lag.events),
      seconds: lag.seconds,
      known: lag.known,
      appliedSequence: Number(lag.appliedSequence),
      headSequence: Number(lag.headSequence),
      reportedTime: dateOf(lag.reportedTime),
      upstream: given(lag.upstream),
      gateway: given(lag.gateway),
      watermark: dateOf(lag.watermark),
      problem: given(lag.problem),
      gaps: Number(lag.gaps),
    }))
  }

  /**
   * Gives back what one region holds of a region that is gone for good; that region is refused while it is connected.
   * At most `eventsMax` events (1 to 200,000) a call: while there is `more`, call again. `dryRun` (default false) counts.
   */
  async retire(
    region: string,
    options: AdminOptions & { readonly dryRun?: boolean; readonly eventsMax?: number } = {},
  ): Promise<Retirement> {
    const { dryRun = false, eventsMax = 0 } = options
    const request = create(RetireRequestSchema, { region, dryRun, eventsMax })
    const answer = await this.#call('retire region', methods.retire, request, options)
    const topics = answer.topics.map(({ topic, events }) => ({ topic, events: Number(events) }))
    return { answeredBy: answer.region, topics, more: answer.more }
  }

  async #call<Request, Response extends { readonly region: string }>(
    what: string,
    method: ClientMethod<Request, Response>,
    request: Request,
    options: AdminOptions,
  ): Promise<Response> {
    const { endpoint } = options
    const links = endpoint === undefined ? this.#transport.links.slice(0, 1) : this.#transport.linksOf(endpoint)
    using scope = this.#transport.scope(what, options)
    const call = { what, signal: scope.signal }
    return await retry(
      this.#transport,
      scope,
      async (link, timeoutMs) => {
        const response = await this.#transport.unary(link, method, request, { ...call, timeoutMs })
        link.learn(response.region)
        return response
      },
      links,
    )
  }
}

const ACTIONS: Readonly<Record<number, ApplyOutcome['action']>> = {
  [ApplyAction.CREATED]: 'created',
  [ApplyAction.UPDATED]: 'updated',
  [ApplyAction.UNCHANGED]: 'unchanged',
  [ApplyAction.DELETED]: 'deleted',
  [ApplyAction.FAILED]: 'failed',
}

function outcomesOf({ outcomes, region }: ApplyResponse | DeleteResponse): ApplyOutcome[] {
  return outcomes.map(({ kind, name, action, changes, error }) => ({
    answeredBy: region,
    kind,
    name,
    action: ACTIONS[action] ?? 'failed',
    changes,
    error: given(error),
  }))
}

const STATES: Readonly<Record<number, PeerStatus['state']>> = {
  [LinkState.CONNECTING]: 'connecting',
  [LinkState.CONNECTED]: 'connected',
  [LinkState.DISCONNECTED]: 'disconnected',
}

function given(text: string): string | undefined {
  return text === '' ? undefined : text
}

function dateOf(timestamp: Timestamp | undefined): Date | undefined {
  return timestamp === undefined ? undefined : timestampDate(timestamp)
}
