import type { Log } from '@landbridge/service'
import { Allowance } from './allowance.ts'
import type { KubeClient } from './kube-client.ts'
import { formatKey, type KubeObject, keyOf, type ResourceType } from './types.ts'

/** One thing that happened to an object, for `kubectl describe`. */
export type ObjectEvent = {
  readonly type: 'Normal' | 'Warning'
  /** CamelCase, from a closed set: "StreamCreated". */
  readonly reason: string
  /** What was done: "Reconcile". */
  readonly action: string
  /** For people; cut off at 1,024 characters. */
  readonly note: string
}

const EVENTS: ResourceType = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
}
const NOTE_LENGTH_MAX = 1_024
/** The same event about the same object is told once in this time. */
const REPEAT_MS = 5 * 60_000
const REMEMBERED_MAX = 10_000
/** Events on their way; more are dropped: they are a courtesy, not a record. */
const IN_FLIGHT_MAX = 64
/** So many at once, and then so many a second: ten thousand new resources must not cost as many Events. */
const ALLOWED = { Warning: { burst: 100, perSecond: 20 }, Normal: { burst: 20, perSecond: 2 } } as const

/** Writes Events on transitions, as far as the API server takes them; never an error to the caller. */
export class EventRecorder {
  readonly #client: KubeClient
  readonly #log: Log
  readonly #instance: string
  readonly #told = new Map<string, number>()
  #inFlight = 0
  #count = 0
  readonly #allowances = {
    Warning: new Allowance(ALLOWED.Warning),
    Normal: new Allowance(ALLOWED.Normal),
  }

  /** @param instance This process, such as the pod's name. */
  constructor(client: KubeClient, instance: string, log: Log) {
    this.#client = client
    this.#instance = instance
    this.#log = log
  }

  /** Tells. */
  record(object: KubeObject, event: ObjectEvent): void {
    const nowMs = Date.now()
    const identity = `${object.metadata.uid} ${event.reason} ${event.note}`
    const toldMs = this.#told.get(identity)
    if ((toldMs !== undefined && nowMs - toldMs < REPEAT_MS) || this.#inFlight >= IN_FLIGHT_MAX) return
    if (!this.#allowances[event.type].take(performance.now())) return
    this.#remember(identity, nowMs)
    this.#inFlight += 1
    const namespace = object.metadata.namespace ?? 'default'
    this.#client
      .create(EVENTS, namespace, this.#body(object, event, namespace, nowMs))
      .catch((err: unknown) => this.#log.debug({ err, object: formatKey(keyOf(object)) }, 'an Event was not taken'))
      .finally(() => {
        this.#inFlight -= 1
      })
  }

  #remember(identity: string, nowMs: number): void {
    this.#told.delete(identity)
    this.#told.set(identity, nowMs)
    const [oldest] = this.#told.keys()
    if (this.#told.size > REMEMBERED_MAX && oldest !== undefined) this.#told.delete(oldest)
  }

  #body(object: KubeObject, event: ObjectEvent, namespace: string, nowMs: number): unknown {
    const { name, uid, resourceVersion } = object.metadata
    this.#count += 1
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${name.slice(0, 200)}.${nowMs.toString(16)}${this.#count.toString(16)}`, namespace },
      eventTime: new Date(nowMs).toISOString().replace('Z', '000Z'),
      reportingController: 'landbridge.dev/operator',
      reportingInstance: this.#instance.slice(0, 128),
      action: event.action,
      reason: event.reason,
      type: event.type,
      note: event.note.slice(0, NOTE_LENGTH_MAX),
      regarding: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        name,
        uid,
        resourceVersion,
        ...(object.metadata.namespace === undefined ? {} : { namespace }),
      },
    }
  }
}
