/** Which gateways of the region run what. */
export type GatewayView = {
  /**
   * Gateways that run the newest value of a configuration entry, and all that were heard in the last seconds. Undefined
   * while nobody knows.
   */
  readonly following: (key: string) => { readonly following: number; readonly all: number } | undefined
}
