/** Value of an extension attribute, in the CloudEvents type system: a number is a 32-bit integer, a date a timestamp. */
export type ExtensionValue = string | number | boolean | Uint8Array | Date

/** An event to publish: a CloudEvent whose boring parts have defaults. */
export type EventInput = {
  /** Kind of event, such as "com.github.push". */
  readonly type: string
  /** Where it happened: a URI-reference. Default: the connection's `source`. */
  readonly source?: string | undefined
  /** Identifies it within its source. Default: a random UUID, the same for every attempt of the call. */
  readonly id?: string | undefined
  /** What it is about, within the source. */
  readonly subject?: string | undefined
  /** When it happened. Default: not said. */
  readonly time?: Date | undefined
  /** Events of one source and key keep their order. Default: `source` and `id`. */
  readonly partitionKey?: string | undefined
  /** Text and bytes are sent as they are; everything else as JSON. Default: no data. */
  readonly data?: unknown
  /** Media type of `data`. Default: "application/json" for what is sent as JSON, otherwise not said. */
  readonly dataContentType?: string | undefined
  /** URI of the schema that `data` follows. */
  readonly dataSchema?: string | undefined
  /** Further attributes, by name: 1 to 20 lower-case letters and digits. */
  readonly extensions?: Readonly<Record<string, ExtensionValue>> | undefined
}

/** An event that was delivered. Nothing of it is decoded before it is asked for. */
export type MeshEvent = {
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject: string | undefined
  readonly time: Date | undefined
  readonly partitionKey: string | undefined
  readonly dataContentType: string | undefined
  readonly dataSchema: string | undefined
  /** Every other attribute as text, those of the mesh included: `lborigin`, `lbtime`, `recordedtime`, `authtype`, `authid`. */
  readonly extensions: ReadonlyMap<string, string>
  /** True when the event has data, empty data included. */
  readonly hasData: boolean
  /** The data as bytes; empty without data. */
  bytes(): Uint8Array
  /** The data as text; empty without data. */
  text(): string
  /** The data, read as JSON. @throws MeshError 'invalid_argument' when it is none. */
  json(): unknown
  /** The encoded `io.cloudevents.v1.CloudEvent`, as the gateway sent it. */
  readonly encoded: Uint8Array
}
