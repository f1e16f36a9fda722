import { list, type Schema, text } from './schema.ts'

const DURATION = '^([0-9]{1,15}(ms|[wdhms]))+$'
const BYTES = '^[0-9]{1,15} ?([kKMGT]i?B?|B)$'
const LABEL = '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'

/** A duration such as "36h". */
export function duration(description: string, standard?: string): Schema {
  return text(`${description} A number with w, d, h, m, s or ms, such as "36h".`, {
    lengthMax: 40,
    pattern: DURATION,
    ...(standard === undefined ? {} : { default: standard }),
  })
}

/** A size such as "10GiB". */
export function bytes(description: string, standard?: string): Schema {
  return text(`${description} A number with B, KiB, MiB, GiB or TiB, such as "10GiB".`, {
    lengthMax: 40,
    pattern: BYTES,
    ...(standard === undefined ? {} : { default: standard }),
  })
}

/** The name of a region. */
export function region(description: string): Schema {
  return text(description, { lengthMax: 63, lengthMin: 1, pattern: LABEL })
}

/** A set of regions. */
export function regions(description: string, itemsMax = 32): Schema {
  return list(description, region('The name of a region.'), { itemsMax, kind: 'set' })
}
