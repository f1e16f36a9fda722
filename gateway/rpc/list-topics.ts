import { create } from '@bufbuild/protobuf'
import { isLabel, MeshError, parseTopicName, quote } from '@landbridge/core'
import type { NatsSession } from '@landbridge/nats'
import { type ListTopicsRequest, type ListTopicsResponse, ListTopicsResponseSchema } from '@landbridge/proto'
import type { TopicAccess } from '../auth/index.ts'
import type { TopicEntry, TopicRegistry } from '../topics.ts'
import { principalOf } from './call-context.ts'
import { topicMessage } from './topic-message.ts'
import type { UnaryMethod } from './unary.ts'

const PAGE_DEFAULT = 100
const PAGE_MAX = 1000
/** Streams asked about at once. */
const ASKED_AT_ONCE = 16

/** `EventService.ListTopics`: what the caller may publish to or subscribe to, by name. */
export function listTopics(tools: {
  readonly session: NatsSession
  readonly registry: TopicRegistry
  readonly access: TopicAccess
}): UnaryMethod<ListTopicsRequest, ListTopicsResponse> {
  return async (request, context) => {
    const principal = principalOf(context)
    const size = pageSizeOf(request.pageSize)
    const after = afterOf(request.pageToken)
    if (request.tenant !== '' && !isLabel(request.tenant)) {
      throw new MeshError(
        'invalid_argument',
        `topics: tenant is ${quote(request.tenant)}, wanted a DNS label or nothing`,
      )
    }
    const page: TopicEntry[] = []
    let more = false
    for (const entry of sorted(tools.registry)) {
      if (entry.key <= after) continue
      if (request.tenant !== '' && entry.document.name.tenant !== request.tenant) continue
      if (tools.access.invisible(entry.key, principal) !== undefined) continue
      more = page.length === size
      if (more) break
      page.push(entry)
    }
    const topics = []
    for (let index = 0; index < page.length; index += ASKED_AT_ONCE) {
      const chunk = page.slice(index, index + ASKED_AT_ONCE)
      topics.push(...(await Promise.all(chunk.map((entry) => topicMessage(tools.session, entry)))))
    }
    const last = page.at(-1)
    const nextPageToken = more && last !== undefined ? Buffer.from(last.key).toString('base64url') : ''
    return create(ListTopicsResponseSchema, { topics, nextPageToken })
  }
}

function sorted(registry: TopicRegistry): TopicEntry[] {
  return [...registry.entries()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

function pageSizeOf(asked: number): number {
  if (asked === 0) return PAGE_DEFAULT
  if (asked >= 1 && asked <= PAGE_MAX) return asked
  throw new MeshError('invalid_argument', `topics: page_size is ${asked}, wanted 1 to 1,000, or 0 for 100`)
}

function afterOf(token: string): string {
  if (token === '') return ''
  const key = Buffer.from(token, 'base64url').toString()
  if (parseTopicName(key).error === undefined) return key
  throw new MeshError('invalid_argument', 'topics: page_token is malformed, wanted the next_page_token of an answer')
}
