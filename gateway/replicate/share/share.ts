/** Which work is this gateway's, among the gateways of its region. */
export type Share = {
  owns(work: string): boolean
  /** Called when gateways come or go; returns what ends that. */
  onChange(listener: () => void): () => void
}

/** A gateway without others beside it. */
export const ALONE: Share = { owns: () => true, onChange: () => () => undefined }
