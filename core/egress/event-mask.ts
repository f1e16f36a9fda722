import type { MaskRule } from '../documents/index.ts'
import { asBuffer } from '../wire.ts'
import { dataOf, jsonTextOf, withData } from './event-data.ts'
import { parseExact } from './json.ts'
import { jointMaskerOf, maskerOf } from './mask.ts'

/** An event that was scanned before, with its data masked; undefined when the data cannot be read. */
export type EventMask = (event: Uint8Array) => Uint8Array | undefined

/**
 * The mask of some rules; undefined when there are none.
 *
 * @param salt Hashes with different salts cannot be compared.
 */
export function eventMaskOf(rules: readonly MaskRule[], salt: string): EventMask | undefined {
  if (rules.length === 0) return undefined
  if (dropsAll(rules)) return withoutData
  const maskers = rules.map((rule) => maskerOf(rule, salt))
  return changed((json) => maskers.reduce<unknown>((value, apply) => apply(value), parseExact(json)))
}

/**
 * What somebody sees to whom each set of rules for itself shows events: hidden is only what every set hides, and with the
 * action that leaves most of it (hash, then redact, then drop). Undefined: everything.
 *
 * Unlike `eventMaskOf` it always shows an event: without its data when they cannot be read.
 */
export function eventViewOf(
  sets: readonly (readonly MaskRule[])[],
  salt: string,
): ((event: Uint8Array) => Uint8Array) | undefined {
  if (sets.some((rules) => rules.length === 0)) return undefined
  const mask = viewMaskOf(sets, salt)
  return (event) => {
    const view = mask(event) ?? withoutData(event)
    if (view === undefined) throw new TypeError('mask an event: it cannot be read, wanted one that was scanned')
    return view
  }
}

function viewMaskOf(sets: readonly (readonly MaskRule[])[], salt: string): EventMask {
  const [first, ...others] = sets.filter((rules) => !dropsAll(rules))
  if (first === undefined) return withoutData
  const mask = others.length === 0 ? eventMaskOf(first, salt) : undefined
  if (mask !== undefined) return mask
  const joint = jointMaskerOf([first, ...others], salt)
  return changed((json) => joint([first, ...others].map(() => parseExact(json))))
}

/** Without its data an event has nothing else to mask, whatever the data is. */
function dropsAll(rules: readonly MaskRule[]): boolean {
  return rules.some(({ path }) => path === 'data')
}

function withoutData(event: Uint8Array): Uint8Array | undefined {
  return withData(asBuffer(event), 0, undefined)
}

function changed(change: (json: string) => unknown): EventMask {
  return (event) => {
    const bytes = asBuffer(event)
    const data = dataOf(bytes)
    if (data === undefined) return withoutData(bytes)
    try {
      return withData(bytes, data.field, JSON.stringify(change(jsonTextOf(bytes, data))))
    } catch {
      return undefined
    }
  }
}
