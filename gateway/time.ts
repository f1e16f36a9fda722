import type { Timestamp } from '@bufbuild/protobuf/wkt'

/** A field that holds a time, or no field: `{ ...timestampOf('lastContact', ms) }`. Time in ms since 1970. */
export function timestampOf<Name extends string>(name: Name, ms: number | undefined): { [Key in Name]?: Timestamp } {
  if (ms === undefined) return {}
  const seconds = Math.floor(ms / 1000)
  const value: Timestamp = {
    $typeName: 'google.protobuf.Timestamp',
    seconds: BigInt(seconds),
    nanos: Math.floor((ms - seconds * 1000) * 1_000_000),
  }
  return { [name]: value } as { [Key in Name]?: Timestamp }
}

/** A duration or a time in milliseconds, fractions included; may be negative or huge, as the caller sent it. */
export function msOf(value: { readonly seconds: bigint; readonly nanos: number }): number {
  return Number(value.seconds) * 1000 + value.nanos / 1_000_000
}
