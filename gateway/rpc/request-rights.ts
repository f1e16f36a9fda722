import { MeshError, type Principal } from '@landbridge/core'
import type { AdminAccess, TopicAccess } from '../auth/index.ts'
import { SMALL_REQUEST_BYTES } from './request-meter.ts'

/** What is asked before a large request is received. */
export type RequestRights = {
  readonly access: Pick<TopicAccess, 'mayAnywhere'>
  readonly admins: Pick<AdminAccess, 'mayAnything'>
  /** Whether a certificate's SPIFFE id is that of a region that this one has as a peer. */
  readonly isPeer: (spiffe: string | undefined) => boolean
}

/**
 * Why a caller may send no large message, before any of it is known; undefined when it may. The method itself decides
 * again once it has the message: this only keeps those out who can send nothing that would be accepted.
 */
export function largeRequestRefusal(
  { access, admins, isPeer }: RequestRights,
  path: string,
  principal: Principal | undefined,
  spiffe: string | undefined,
): MeshError | undefined {
  const allowed = (may: boolean) =>
    may ? undefined : new MeshError('permission_denied', 'request: no policy allows this caller any such call')
  if (path === '/landbridge.v1.ReplicationService/Forward' && isPeer(spiffe)) return undefined
  if (principal === undefined) return tooLarge()
  switch (path) {
    case '/landbridge.v1.EventService/Publish':
    case '/landbridge.v1.EventService/PublishStream':
      return allowed(access.mayAnywhere(principal, 'publish'))
    case '/landbridge.v1.EventService/Subscribe':
      return allowed(access.mayAnywhere(principal, 'subscribe'))
    case '/landbridge.v1.AdminService/Apply':
      return allowed(admins.mayAnything(principal))
    default:
      return tooLarge()
  }
}

function tooLarge(): MeshError {
  return new MeshError('resource_exhausted', `request: is too large, wanted at most ${SMALL_REQUEST_BYTES} bytes`)
}
