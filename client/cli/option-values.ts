import { parseDuration, parseTopicName } from '@landbridge/core'
import { InvalidArgumentError } from 'commander'

/** Reads "30s", "5m", "1h30m" as milliseconds; more than 0. */
export function durationOption(text: string): number {
  const { value, error } = parseDuration(text)
  if (error !== undefined || value === 0) throw new InvalidArgumentError('Wanted a duration, such as 30s, 5m or 1h30m.')
  return value
}

/** Reads a whole number of at least 1. */
export function countOption(text: string): number {
  const count = Number(text)
  if (!/^[0-9]+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError('Wanted a whole number of at least 1.')
  }
  return count
}

/** Checks "<tenant>/<topic>". */
export function topicArgument(text: string): string {
  const { error } = parseTopicName(text)
  if (!text.includes('/')) throw new InvalidArgumentError('Wanted <tenant>/<topic>, such as acme/orders.created.')
  if (error !== undefined) throw new InvalidArgumentError(error.message)
  return text
}

/** Collects an option that may be given several times, at most 100. */
export function listOption(text: string, previous: readonly string[] | undefined): readonly string[] {
  const list = [...(previous ?? []), text]
  if (list.length > 100) throw new InvalidArgumentError('Wanted at most 100.')
  return list
}
