import { fail } from '../result.ts'

const SHOWN_MAX = 20
const LENGTH_MAX = 300

/** The error that lists what is wrong, a line each; at most 20 of them, because the text travels in gRPC trailers. */
export function problemsError(action: string, problems: readonly string[]): ReturnType<typeof fail> {
  const lines = problems
    .slice(0, SHOWN_MAX)
    .map((line) => (line.length > LENGTH_MAX ? `${line.slice(0, LENGTH_MAX)}...` : line))
  if (problems.length > SHOWN_MAX) lines.push(`and ${problems.length - SHOWN_MAX} more`)
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  return fail('invalid_argument', `${action}: ${count}, wanted none\n${lines.join('\n')}`)
}
