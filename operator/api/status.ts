import { conditions, fields, integer, type Schema, text, time } from './schema.ts'

/** What a status says of one kind. */
export type StatusTexts = {
  readonly description: string
  /** What conditions mean: "Ready: <text>". */
  readonly conditions: Readonly<Record<'Ready' | 'Synced' | 'Drifted' | 'Degraded', string>>
  /** Fields that only this kind has. */
  readonly own: Readonly<Record<string, Schema>>
}

/** The status of a kind: what every kind has, and its own. */
export function status({ description, conditions: meanings, own }: StatusTexts): Schema {
  return fields(description, {
    observedGeneration: count('The generation of the spec that was looked at last.'),
    conditions: conditions({
      ...meanings,
      Paused: 'reconciliation is paused by an annotation.',
      Reconciling: 'the spec is being carried out.',
      Stalled: 'it cannot go on before somebody acts.',
    }),
    ...own,
    revision: count('The revision of the configuration that holds the spec.'),
    gateways: text('Gateways that run this configuration, of all: "2/2".', { lengthMax: 32 }),
    drift: fields('What was repaired.', {
      repairs: count('How often.'),
      lastTime: time('When last.'),
      lastChanges: text('What had been changed.', { lengthMax: 1024 }),
    }),
  })
}

function count(description: string): Schema {
  return integer(description, { min: 0, max: Number.MAX_SAFE_INTEGER })
}
