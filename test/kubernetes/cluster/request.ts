/** What the part inside the namespaces is told, as JSON. */
export type NodeRequest = {
  /** Path of every program, by name. */
  readonly tools: Readonly<Record<string, string>>
  /** LD_LIBRARY_PATH of programs that were unpacked, or empty. */
  readonly libraryPath: string
  /** OCI archives to load. */
  readonly images: readonly string[]
  /** Folder for the logs. */
  readonly logs: string
  /** What to run when the node is ready. */
  readonly command: readonly string[]
}
