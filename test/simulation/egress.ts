import { create, toBinary } from '@bufbuild/protobuf'
import { type Egress, egressOf, mayRelay, parseDocuments, type TopicDocument, unwrap } from '@landbridge/core'
import { CloudEventSchema } from '@landbridge/proto'
import type { Random } from './random.ts'

/** What an event has about it that decides where it may go; an index into `TRAITS`. */
export type Traits = number

const CLASSES = ['', 'secret', 'inner'] as const

/** Every kind of event: its classification, and whether the topic's filter keeps it at home. */
const TRAITS = CLASSES.flatMap((classification) => [false, true].map((isNoise) => ({ classification, isNoise })))

const EVENTS = TRAITS.map(({ classification, isNoise }) => {
  const attributes = classification === '' ? {} : { dataclassification: textOf(classification) }
  const type = isNoise ? 'noise' : 'order'
  return toBinary(
    CloudEventSchema,
    create(CloudEventSchema, { id: '1', source: '/', type, specVersion: '1.0', attributes }),
  )
})

function textOf(value: string) {
  return { attr: { case: 'ceString' as const, value } }
}

/** Documents are read once; a handful of regions makes few of them. */
const documents = new Map<string, TopicDocument>()

/** What may leave which region of a topic, as the code that ships decides it. */
export class TopicEgress {
  readonly #document: TopicDocument
  readonly #egress: Egress
  readonly #known = new Map<string, boolean>()

  constructor(random: Random, regions: readonly string[]) {
    const some = () => {
      const list = regions.filter(() => random.chance(0.7))
      return list.length > 0 ? list : [random.pick(regions)]
    }
    this.#document = documentOf(some(), some())
    this.#egress = egressOf(this.#document)
  }

  /** An event of any kind. */
  traitsOf(random: Random): Traits {
    return random.chance(0.5) ? 0 : random.below(TRAITS.length)
  }

  /** Whether a region may hold it. */
  mayHold(traits: Traits, region: string): boolean {
    return this.#ask(`${traits} in ${region}`, () => this.#egress.mayHold(bytesOf(traits), region))
  }

  /** Whether its origin sends it to a region. */
  leaves(traits: Traits, region: string): boolean {
    return this.#ask(`${traits} to ${region}`, () => typeof this.#egress.leave(bytesOf(traits), region) !== 'string')
  }

  /** Whether one region may serve another one with what a third one stored. */
  mayRelay(relay: string, receiver: string): boolean {
    return this.#ask(`${relay} for ${receiver}`, () => mayRelay(this.#document, relay, receiver))
  }

  #ask(question: string, answer: () => boolean): boolean {
    let known = this.#known.get(question)
    if (known === undefined) {
      known = answer()
      this.#known.set(question, known)
    }
    return known
  }
}

function bytesOf(traits: Traits): Uint8Array {
  return EVENTS[traits] ?? new Uint8Array()
}

function documentOf(secret: readonly string[], inner: readonly string[]): TopicDocument {
  const key = `${secret} ${inner}`
  const known = documents.get(key)
  if (known !== undefined) return known
  const [document] = unwrap(
    parseDocuments(`
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: orders }
spec:
  replication:
    filter: event.type != "noise"
    classifications:
      - { classification: secret, regions: [${secret}] }
      - { classification: inner, regions: [${inner}] }
`),
  )
  if (document?.kind !== 'Topic') throw new Error('egress: the topic cannot be read')
  documents.set(key, document)
  return document
}
