/** What the mesh needs to know of an event, read from its bytes. */
export type ScannedEvent = {
  /** `id`, not empty. */
  readonly id: string
  /** `source`, not empty. */
  readonly source: string
  /** `type`, not empty. */
  readonly type: string
  /** The `partitionkey` attribute, if it is a string. */
  readonly partitionKey: string | undefined
  /** The `traceparent` attribute, if it is a string. */
  readonly traceparent: string | undefined
  /** Bytes of the event as it was sent. */
  readonly byteLength: number
}
