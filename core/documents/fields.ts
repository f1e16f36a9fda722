import { quote } from '../names.ts'
import type { Result } from '../result.ts'
import { parseBytes, parseDuration } from './units.ts'

/** Collects what is wrong with a document; a path is "spec.retention.age". */
export type ReportProblem = (path: string, text: string) => void

type Range = { readonly min: number; readonly max: number }
type ListBounds = { readonly min?: number; readonly max: number }

/**
 * Reads one mapping of a document field by field. Problems are reported and a
 * fallback is returned, so that one pass finds every problem; whatever was read
 * counts only if nothing was reported. An absent field and `null` are the same.
 */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #path: string
  readonly #report: ReportProblem
  readonly #known = new Set<string>()

  constructor(value: unknown, path: string, report: ReportProblem) {
    this.#path = path
    this.#report = report
    const mapping = typeof value === 'object' && value !== null && !Array.isArray(value)
    this.#values = mapping ? (value as Record<string, unknown>) : {}
    if (!mapping && value !== undefined) report(path, `is ${show(value)}, wanted fields`)
  }

  /** The raw value; undefined when absent. */
  value(name: string): unknown {
    this.#known.add(name)
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? undefined) : undefined
  }

  /** Reports a problem with a field of this mapping. */
  problem(name: string, text: string): void {
    this.#report(this.#pathOf(name), text)
  }

  /** A mapping within this one. */
  fields(name: string): Fields {
    return new Fields(this.value(name), this.#pathOf(name), this.#report)
  }

  /** A text of 1 to `lengthMax` characters (0 when there is a fallback); required when there is no fallback. */
  text(name: string, lengthMax: number): string
  text<T extends string | undefined>(name: string, lengthMax: number, fallback: { readonly absent: T }): string | T
  text(name: string, lengthMax: number, fallback?: { readonly absent: string | undefined }): string | undefined {
    const value = this.value(name)
    if (value === undefined && fallback !== undefined) return fallback.absent
    if (typeof value === 'string' && value.length <= lengthMax && (value !== '' || fallback !== undefined)) return value
    this.#wanted(name, value, `a text of at most ${lengthMax} characters`)
    return ''
  }

  /** One of some texts. */
  oneOf<T extends string>(name: string, options: readonly T[], absent: T): T {
    const value = this.value(name)
    if (value === undefined) return absent
    const option = options.find((candidate) => candidate === value)
    if (option === undefined) this.#wanted(name, value, options.map(quote).join(' or '))
    return option ?? absent
  }

  /** A whole number. */
  integer<T extends number | undefined>(name: string, range: Range, absent: T): number | T {
    const value = this.value(name)
    if (value === undefined) return absent
    if (typeof value === 'number' && Number.isInteger(value)) return this.#within(name, value, range, String)
    this.#wanted(name, value, `a whole number from ${range.min} to ${range.max}`)
    return absent
  }

  /** A duration such as "7d", in milliseconds. */
  duration<T extends number | undefined>(
    name: string,
    range: Range,
    format: (ms: number) => string,
    absent: T,
  ): number | T {
    return this.#amount(name, range, parseDuration, format, absent)
  }

  /** A size such as "10GiB", in bytes. */
  bytes<T extends number | undefined>(
    name: string,
    range: Range,
    format: (bytes: number) => string,
    absent: T,
  ): number | T {
    return this.#amount(name, range, parseBytes, format, absent)
  }

  /** A list; `read` gets each item with its path. */
  list<T>(
    name: string,
    bounds: ListBounds,
    read: (item: unknown, path: string, report: ReportProblem) => T,
  ): readonly T[] {
    const { min = 0, max } = bounds
    const value = this.value(name)
    if (value === undefined && min === 0) return []
    if (!Array.isArray(value) || value.length < min || value.length > max) {
      this.#wanted(name, value, `a list of ${min} to ${max}`)
      return []
    }
    return value.map((item, index) => read(item, `${this.#pathOf(name)}[${index}]`, this.#report))
  }

  /** A list of different texts that are `valid`. */
  texts(name: string, bounds: ListBounds, valid: (text: string) => boolean, wanted: string): readonly string[] {
    const seen = new Set<string>()
    return this.list(name, bounds, (item, path, report) => {
      if (typeof item !== 'string' || !valid(item)) report(path, `is ${show(item)}, wanted ${wanted}`)
      else if (seen.has(item)) report(path, `is ${show(item)} again, wanted each once`)
      else seen.add(item)
      return typeof item === 'string' ? item : ''
    })
  }

  /** Reports every field that nobody asked for; call it last. */
  finish(): void {
    for (const name of Object.keys(this.#values)) {
      if (this.#known.has(name)) continue
      this.problem(name, `is not known, wanted one of ${[...this.#known].join(', ')}`)
    }
  }

  #amount<T extends number | undefined>(
    name: string,
    range: Range,
    parse: (text: string) => Result<number>,
    format: (amount: number) => string,
    absent: T,
  ): number | T {
    const value = this.value(name)
    if (value === undefined) return absent
    const amount = parse(typeof value === 'string' ? value : '')
    if (amount.error === undefined) return this.#within(name, amount.value, range, format)
    this.#wanted(name, value, `a text such as ${quote(format(range.min))}`)
    return absent
  }

  #within(name: string, value: number, { min, max }: Range, format: (amount: number) => string): number {
    if (value < min || value > max) this.problem(name, `is ${format(value)}, wanted ${format(min)} to ${format(max)}`)
    return value
  }

  #wanted(name: string, value: unknown, wanted: string): void {
    this.problem(name, `is ${show(value)}, wanted ${wanted}`)
  }

  #pathOf(name: string): string {
    const shown = /^[A-Za-z0-9_./-]{1,64}$/.test(name) ? name : quote(name)
    return this.#path === '' ? shown : `${this.#path}.${shown}`
  }
}

/** A value in a problem's text: short, whatever it is. */
export function show(value: unknown): string {
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'a mapping'
  return typeof value === 'string' ? quote(value) : String(value)
}
