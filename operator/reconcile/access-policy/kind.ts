import type { AccessPolicyDocument } from '@landbridge/core'
import { ACCESS_POLICY, SHOWN_LENGTH_MAX } from '../../api/index.ts'
import type { Region } from '../../region/index.ts'
import { configKind } from '../config-kind.ts'
import type { Kind } from '../kind.ts'

/** Access policies: an entry of the configuration. */
export function accessPolicyKind(region: Region): Kind {
  return configKind({
    definition: ACCESS_POLICY,
    ofTenant: true,
    region,
    shown: (document) => ({
      extras: document.kind === 'AccessPolicy' ? shownOf(document) : {},
      degraded: undefined,
    }),
  })
}

function shownOf({ spec }: AccessPolicyDocument): Readonly<Record<string, unknown>> {
  return {
    principals: spec.principals.length,
    operations: spec.operations.join(', '),
    topics: shortened(spec.topics.join(', ')),
  }
}

function shortened(text: string): string {
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX - 3)}...`
}
