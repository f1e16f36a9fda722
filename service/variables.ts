import type { LogLevel } from './log.ts'

/** An address to listen on. */
export type ListenAddress = {
  /** A name or an IP address of this machine. */
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

/** One environment variable. */
export type Variable<Value> = {
  readonly env: string
  /** For people: meaning, unit, range. */
  readonly meaning: string
  readonly required: boolean
  /** The default as shown to people; undefined when there is none. */
  readonly shown: string | undefined
  /** The text that stands in for an unset variable. */
  readonly fallback: string | undefined
  /** @throws Error whose message says what was wanted. */
  readonly parse: (text: string) => Value
}

type ValueOf<V> = V extends { readonly required: true; readonly parse: (text: string) => infer T }
  ? T
  : V extends { readonly fallback: string; readonly parse: (text: string) => infer T }
    ? T
    : V extends { readonly parse: (text: string) => infer T }
      ? T | undefined
      : never

/** The values of a table of variables by their keys in it. */
export type ValuesOf<Table> = { readonly [Key in keyof Table]: ValueOf<Table[Key]> }

/** Levels of the log, as a variable takes them. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[]

/** Everything that is wrong with the environment, one problem a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`read configuration: ${problems.length} problem(s)\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

/** Reads all variables of a table; `values` is undefined when there is any problem, and `problems` lists them all. */
export function readVariables<Table extends Readonly<Record<string, Variable<unknown>>>>(
  table: Table,
  env: Readonly<Record<string, string | undefined>>,
): { values: ValuesOf<Table> | undefined; problems: string[] } {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [key, variable] of Object.entries(table)) {
    const given = env[variable.env]?.trim()
    const text = given === undefined || given === '' ? variable.fallback : given
    if (text === undefined) {
      if (variable.required) problems.push(`${variable.env}: is not set, wanted ${variable.meaning}`)
      continue
    }
    try {
      values[key] = variable.parse(text)
    } catch (error) {
      problems.push(`${variable.env}: is "${text}", ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { values: problems.length === 0 ? (values as ValuesOf<Table>) : undefined, problems }
}

/** The text of `--help`: every variable with its meaning and default, between what `program` is and what `more` says. */
export function variablesHelp(
  program: readonly string[],
  table: Readonly<Record<string, Variable<unknown>>>,
  more: readonly string[] = [],
): string {
  const rows = Object.values(table).map((variable) => {
    const fallback = variable.required ? 'required' : `default ${variable.shown ?? 'none'}`
    return `  ${variable.env}\n      ${variable.meaning} (${fallback})`
  })
  return [...program, '', ...rows, '', ...more, ''].join('\n')
}

/** A variable that must be set. */
export function required<Value>(env: string, meaning: string, parse: (text: string) => Value) {
  return { env, meaning, required: true as const, shown: undefined, fallback: undefined, parse }
}

/** A variable without a default. */
export function optional<Value>(env: string, meaning: string, parse: (text: string) => Value) {
  return { env, meaning, required: false as const, shown: undefined, fallback: undefined, parse }
}

/** A variable with a default. */
export function defaulted<Value>(env: string, meaning: string, fallback: string, parse: (text: string) => Value) {
  return { env, meaning, required: false as const, shown: fallback === '' ? 'none' : fallback, fallback, parse }
}

/** A whole number from `min` to `max`. */
export function limit(env: string, meaning: string, fallback: number, min: number, max: number) {
  return defaulted(env, `${meaning}, ${min} to ${max}`, String(fallback), (text) => {
    const value = number(min, max)(text)
    if (!Number.isInteger(value)) throw new Error('wanted a whole number')
    return value
  })
}

/** One line. */
export function line(text: string): string {
  if (/[\p{Cc}]/u.test(text)) throw new Error('wanted text without control characters')
  return text
}

/** Items separated by commas. */
export function list(text: string): readonly string[] {
  const items = text.split(',').map((item) => item.trim())
  if (items.some((item) => item === '')) throw new Error('wanted a list separated by commas, without empty items')
  return items
}

/** A DNS name. */
export function domain(text: string): string {
  if (!/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(text)) throw new Error('wanted a DNS name such as mesh.example')
  return text
}

/** "host:port". */
export function address(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || !(port >= 0 && port <= 65_535)) throw new Error('wanted host:port, such as 127.0.0.1:7443')
  return { host, port }
}

/** Any URL. */
export function url(text: string): string {
  if (!URL.canParse(text)) throw new Error('wanted a URL')
  return text
}

/** An https:// URL. */
export function httpsUrl(text: string): URL {
  const parsed = URL.parse(text)
  if (parsed?.protocol !== 'https:') throw new Error('wanted an https:// URL: keys must not be readable or replaceable')
  return parsed
}

/** A number from `min` to `max`. */
export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isFinite(value) || value < min || value > max) throw new Error(`wanted a number from ${min} to ${max}`)
    return value
  }
}

/** One of some texts. */
export function oneOf<const Choice extends string>(choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const found = choices.find((choice) => choice === text)
    if (found === undefined) throw new Error(`wanted one of ${choices.join(', ')}`)
    return found
  }
}
