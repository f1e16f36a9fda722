import { parseTopicName, quote } from '../names.ts'
import type { Fields } from './fields.ts'
import type { TopicDeprecation, TopicSla, TopicSpec } from './types.ts'
import { formatDuration } from './units.ts'

const LATENCY = { min: 1, max: 86_400_000 }
const AVAILABILITY_LENGTH_MAX = 32
const MESSAGE_LENGTH_MAX = 1024
const NAME_LENGTH_MAX = 192
const TIME_PATTERN = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/

/** Reads `spec.sla`. */
export function readSla(spec: Fields): TopicSla | undefined {
  if (spec.value('sla') === undefined) return undefined
  const fields = spec.fields('sla')
  const sla = {
    latencyMs: fields.duration('latency', LATENCY, formatDuration, undefined),
    availability: fields.text('availability', AVAILABILITY_LENGTH_MAX, { absent: undefined }),
  }
  fields.finish()
  return sla
}

/** Reads `spec.deprecation`. */
export function readDeprecation(spec: Fields): TopicDeprecation | undefined {
  if (spec.value('deprecation') === undefined) return undefined
  const fields = spec.fields('deprecation')
  const message = fields.text('message', MESSAGE_LENGTH_MAX)
  const sunset = fields.text('sunset', AVAILABILITY_LENGTH_MAX, { absent: undefined })
  const sunsetMs = sunset === undefined ? undefined : Date.parse(sunset)
  if (sunset !== undefined && (!TIME_PATTERN.test(sunset) || Number.isNaN(sunsetMs))) {
    fields.problem('sunset', `is ${quote(sunset)}, wanted a time such as "2027-01-31T00:00:00Z"`)
  }
  const replacement = fields.text('replacement', NAME_LENGTH_MAX, { absent: undefined })
  const name = replacement === undefined ? undefined : parseTopicName(replacement)
  if (name?.error !== undefined) fields.problem('replacement', name.error.message)
  fields.finish()
  return { message, sunsetMs, replacement }
}

/** Both as they are written in YAML; nothing for what is not said. */
export function formatCatalog({ sla, deprecation }: TopicSpec): Readonly<Record<string, unknown>> {
  return {
    ...(sla === undefined ? {} : { sla: formatSla(sla) }),
    ...(deprecation === undefined ? {} : { deprecation: formatDeprecation(deprecation) }),
  }
}

function formatSla({ latencyMs, availability }: TopicSla): Readonly<Record<string, unknown>> {
  return {
    ...(latencyMs === undefined ? {} : { latency: formatDuration(latencyMs) }),
    ...(availability === undefined ? {} : { availability }),
  }
}

function formatDeprecation({ message, sunsetMs, replacement }: TopicDeprecation): Readonly<Record<string, unknown>> {
  return {
    message,
    ...(sunsetMs === undefined ? {} : { sunset: new Date(sunsetMs).toISOString() }),
    ...(replacement === undefined ? {} : { replacement }),
  }
}
