/** Which work is this gateway's, among the gateways of its region. */
export type Share = {
  /** Those that are there, this one included; empty while that is not known. */
  readonly gateways: readonly string[]
  owns(work: string): boolean
  /** Called when gateways come or go; returns what ends that. */
  onChange(listener: () => void): () => void
}

/** A gateway without others beside it. */
export const ALONE: Share = { gateways: ['this'], owns: () => true, onChange: () => () => undefined }
