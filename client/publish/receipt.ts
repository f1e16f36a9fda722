import { codeOfGrpcStatus, MeshError } from '@landbridge/core'
import type { PublishError, Receipt as WireReceipt } from '@landbridge/proto'

/** Where an event is stored: durably, by the mesh's promise. */
export type Receipt = {
  /** The region whose stream stored it: its origin. */
  readonly region: string
  /** Its sequence in that region's stream; 0 when the server did not tell. */
  readonly sequence: number
  /** True when it had been stored before, and this call added nothing. False can also mean that the server did not tell. */
  readonly duplicate: boolean
  /** Regions known to hold it by then; the origin first. */
  readonly regions: readonly string[]
  /**
   * True when the topic asks for a second region, none had the event in time, and the topic prefers an acknowledgement to
   * an error: `region` alone has it for now.
   */
  readonly degraded: boolean
}

/** The receipt of an answer. */
export function receiptOf({ region, sequence, duplicate, regions, degraded }: WireReceipt): Receipt {
  return { region, sequence: Number(sequence), duplicate, regions, degraded }
}

/** The error of an event that was not acknowledged. */
export function errorOfEvent({ code, message, ambiguous, retryAfter }: PublishError): MeshError {
  const retryAfterMs =
    retryAfter === undefined ? undefined : Number(retryAfter.seconds) * 1_000 + retryAfter.nanos / 1_000_000
  return new MeshError(codeOfGrpcStatus(code), message, { ambiguous, retryAfterMs })
}
