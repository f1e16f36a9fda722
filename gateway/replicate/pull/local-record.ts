import { isControlSubject, type LocalRecord, MeshError, parseControl, parseHeaders, unwrap } from '@landbridge/core'
import type { StoredMessage } from '@landbridge/nats'

/** What a record that came by replication says of its origin. @throws MeshError when something else than this mesh wrote it */
export function localRecord(message: StoredMessage): LocalRecord {
  const lookup = (name: string) => message.header(name)
  const place = { localSequence: message.sequence, localStamp: message.stampNs }
  if (isControlSubject(message.subject)) {
    const record = unwrap(parseControl(lookup))
    if (record.kind === 'gap') return { ...place, position: record.after, control: 'gap' }
    if (record.kind === 'marker') throw notReplicated(message, 'is a marker')
    return { ...place, position: record.common, control: record.kind, behind: record.behind }
  }
  const { origin } = unwrap(parseHeaders(lookup))
  if (origin === undefined) throw notReplicated(message, 'does not say where it comes from')
  return { ...place, position: origin.position }
}

function notReplicated({ sequence, subject }: StoredMessage, what: string): MeshError {
  const text = `read position: record ${sequence} on ${subject} ${what}, wanted a replicated record`
  return new MeshError('failed_precondition', text)
}
