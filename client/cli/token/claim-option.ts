import { InvalidArgumentError } from 'commander'

const CLAIMS_MAX = 50

/** Collects `--claim name=value`; a value that is JSON counts as JSON, other text as text. */
export function claimOption(
  text: string,
  previous: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Wanted name=value.')
  const claims = { ...previous, [text.slice(0, at)]: jsonOrText(text.slice(at + 1)) }
  if (Object.keys(claims).length > CLAIMS_MAX) throw new InvalidArgumentError(`Wanted at most ${CLAIMS_MAX}.`)
  return claims
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
