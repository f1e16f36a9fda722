import type { Server, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import type { LagRow, PeerStatus } from '@landbridge/core'
import { AdminService, EventService, grpcMethods, rawCodec } from '@landbridge/proto'
import type { AdminAccess } from '../auth/index.ts'
import type { ForwardService, Repairs, ReplicationHandlers } from '../replicate/index.ts'
import { type ApplyTools, apply } from './apply.ts'
import { deleteDocuments } from './delete.ts'
import { getLag } from './get-lag.ts'
import { getTopic } from './get-topic.ts'
import { listPeers } from './list-peers.ts'
import { listTopics } from './list-topics.ts'
import { publish } from './publish.ts'
import { type PublishStreamTools, publishStream } from './publish-stream.ts'
import { retire } from './retire.ts'
import { type SubscribeTools, subscribe } from './subscribe.ts'
import { unary } from './unary.ts'

/** What the services need, over all their methods. */
export type ServiceTools = PublishStreamTools &
  SubscribeTools &
  Omit<ApplyTools, 'region' | 'admins'> & {
    readonly admins: AdminAccess
    readonly replicasDefault: number
    /** Serves this region's events to the others. */
    readonly replication: Pick<ReplicationHandlers, 'definition' | 'implementation'>
    /** Takes what other regions cannot store now. */
    readonly forward: ForwardService
    /** Gives back what a region lost that is gone for good. */
    readonly repairs: Pick<Repairs, 'retire'>
    /** The links to the other regions. */
    readonly peers: () => Promise<readonly PeerStatus[]>
    /** How far this region is behind the others, for one topic or all. */
    readonly lag: (topicKey?: string) => Promise<readonly LagRow[]>
  }

/** Adds EventService, AdminService and ReplicationService. The hot methods take and give encoded messages. */
export function addServices(server: Server, tools: ServiceTools): void {
  const { region, replicasDefault } = tools
  const events = grpcMethods(EventService)
  const requestRaw = { requestDeserialize: rawCodec.deserialize }
  const raw = { ...requestRaw, responseSerialize: rawCodec.serialize }
  addService(
    server,
    {
      ...events,
      publish: { ...events.publish, ...raw },
      publishStream: { ...events.publishStream, ...raw },
      subscribe: { ...events.subscribe, ...raw },
    },
    {
      publish: unary(tools, publish(tools)),
      publishStream: publishStream(tools),
      subscribe: subscribe(tools),
      getTopic: unary(tools, getTopic(tools)),
      listTopics: unary(tools, listTopics(tools)),
    },
  )
  addService(server, grpcMethods(AdminService), {
    apply: unary(tools, apply({ ...tools, region: { name: region, replicasDefault } })),
    delete: unary(tools, deleteDocuments(tools)),
    listPeers: unary(tools, listPeers(tools)),
    getLag: unary(tools, getLag(tools)),
    retire: unary(tools, retire(tools)),
  })
  addService(server, tools.replication.definition, tools.replication.implementation)
  addService(server, tools.forward.definition, tools.forward.implementation)
}

/** grpc-js types definitions and handlers by one loose record; this keeps their method names the same. */
function addService<Definition extends object>(
  server: Server,
  definition: Definition,
  handlers: { readonly [Name in keyof Definition]: unknown },
): void {
  server.addService(definition as unknown as ServiceDefinition, handlers as unknown as UntypedServiceImplementation)
}
