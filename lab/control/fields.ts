/** A request that cannot be carried out as it is; the text is for the caller. */
export class ControlError extends Error {
  override readonly name = 'ControlError'
}

/** Reads the fields of a JSON object one by one; each must be known and of its type. */
export class Fields {
  readonly #object: Readonly<Record<string, unknown>>
  readonly #read = new Set<string>()

  /** @throws {ControlError} when the text is no JSON object */
  constructor(text: string) {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      throw new ControlError('the body is not JSON, wanted an object')
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ControlError('the body is not a JSON object, wanted one')
    }
    this.#object = value as Record<string, unknown>
  }

  text(name: string): string {
    const value = this.optionalText(name)
    if (value === undefined) throw new ControlError(`"${name}" is missing, wanted a text`)
    return value
  }

  optionalText(name: string): string | undefined {
    return this.#take(name, 'a text', (value) => typeof value === 'string') as string | undefined
  }

  optionalFlag(name: string): boolean | undefined {
    return this.#take(name, 'true or false', (value) => typeof value === 'boolean') as boolean | undefined
  }

  optionalNumber(name: string): number | undefined {
    return this.#take(name, 'a number', (value) => typeof value === 'number') as number | undefined
  }

  optionalTexts(name: string): readonly string[] | undefined {
    const isTexts = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string')
    return this.#take(name, 'a list of texts', isTexts) as readonly string[] | undefined
  }

  optionalObject(name: string): Readonly<Record<string, unknown>> | undefined {
    const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
    return this.#take(name, 'an object', isObject) as Readonly<Record<string, unknown>> | undefined
  }

  /** A whole number from 0 to below `count`. */
  optionalIndex(name: string, count: number): number | undefined {
    const isIndex = (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < count
    return this.#take(name, `a whole number from 0 to ${count - 1}`, isIndex) as number | undefined
  }

  oneOf<const Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const value = this.optionalOneOf(name, choices)
    if (value === undefined) throw new ControlError(`"${name}" is missing, wanted one of ${choices.join(', ')}`)
    return value
  }

  optionalOneOf<const Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const isChoice = (value: unknown) => choices.some((choice) => choice === value)
    return this.#take(name, `one of ${choices.join(', ')}`, isChoice) as Choice | undefined
  }

  /** @throws {ControlError} when there are fields that nobody asked for */
  finish(): void {
    const unknown = Object.keys(this.#object).filter((name) => !this.#read.has(name))
    if (unknown.length > 0) {
      throw new ControlError(`"${unknown.join('", "')}" is not known here, wanted only ${[...this.#read].join(', ')}`)
    }
  }

  #take(name: string, wanted: string, isRight: (value: unknown) => boolean): unknown {
    this.#read.add(name)
    const value = this.#object[name]
    if (value === undefined || value === null) return undefined
    if (!isRight(value)) throw new ControlError(`"${name}" is ${JSON.stringify(value)}, wanted ${wanted}`)
    return value
  }
}
