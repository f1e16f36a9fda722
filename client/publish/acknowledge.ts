import { MeshError } from '@landbridge/core'
import type { PublishStreamResponse } from '@landbridge/proto'
import type { StreamBatch } from './batch.ts'
import { errorOfEvent } from './receipt.ts'

/**
 * Gives the events of a batch the outcome that an acknowledgement has for them. Those that must be sent again stay in
 * the batch; returns the error of the first of them. `isFinal` tells errors after which an event is given up.
 */
export function acknowledge(
  batch: StreamBatch,
  ack: PublishStreamResponse,
  isFinal: (error: MeshError) => boolean,
): MeshError | undefined {
  const { region, duplicates, failures, degraded } = ack
  // A gateway that names none says at least which one stored it.
  const regions = ack.regions.length > 0 ? ack.regions : [region]
  const stored = { region, lastSequence: Number(ack.lastSequence), regions, degraded }
  for (const place of duplicates) {
    const found = batch.at(place)
    found?.send.duplicate(found.index)
  }
  if (failures.length === 0) {
    batch.stored(stored)
    return undefined
  }
  const errors = new Map(
    failures.map(({ index, error }) => [index, error === undefined ? UNNAMED : errorOfEvent(error)]),
  )
  const again: number[] = []
  let first: MeshError | undefined
  let ambiguous = false
  const places = batch.events.map((_, place) => ({ place, found: batch.at(place), error: errors.get(place) }))
  for (const { place, found, error } of places) {
    if (error === undefined) found?.send.stored(1, stored)
    else if (isFinal(error)) found?.send.failed(found.index, error)
    else {
      ambiguous ||= error.ambiguous
      again.push(place)
      first ??= error
    }
  }
  if (ambiguous) batch.history.note()
  batch.keep(again)
  return first
}

const UNNAMED = new MeshError('internal', 'publish: the gateway named a failure without an error', { ambiguous: true })
