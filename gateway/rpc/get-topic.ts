import { create } from '@bufbuild/protobuf'
import { MeshError, parseTopicName } from '@landbridge/core'
import type { NatsSession } from '@landbridge/nats'
import { type GetTopicRequest, type GetTopicResponse, GetTopicResponseSchema } from '@landbridge/proto'
import type { TopicAccess } from '../auth/index.ts'
import type { TopicRegistry } from '../topics.ts'
import { principalOf } from './call-context.ts'
import { topicMessage } from './topic-message.ts'
import type { UnaryMethod } from './unary.ts'

/** `EventService.GetTopic`: for who may publish to or subscribe to the topic. */
export function getTopic(tools: {
  readonly session: NatsSession
  readonly registry: TopicRegistry
  readonly access: TopicAccess
}): UnaryMethod<GetTopicRequest, GetTopicResponse> {
  return async (request, context) => {
    const name = parseTopicName(request.topic)
    if (name.error !== undefined) throw name.error
    const refusal = tools.access.invisible(request.topic, principalOf(context))
    if (refusal !== undefined) throw refusal
    const entry = tools.registry.get(request.topic)
    if (entry === undefined) throw new MeshError('not_found', `topic: ${request.topic} is not known in this region`)
    return create(GetTopicResponseSchema, { topic: await topicMessage(tools.session, entry) })
  }
}
