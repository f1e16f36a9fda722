/** What is to be done with a resource definition of the cluster. */
export type DefinitionStep =
  /** Helm was told to leave resource definitions alone, and so is this. */
  | 'absent'
  /** A newer release in the same cluster brought it: an older one must not take fields away. */
  | 'newer'
  | 'apply'

/** Where a definition says which version brought it. */
export const VERSION_ANNOTATION = 'landbridge.dev/version'

/**
 * Decides by the versions ("1.2.3") of what is there and of ours. Without a version it is as Helm installed it, or by
 * hand: ours is applied.
 */
export function definitionStep(
  found: { readonly annotations?: Readonly<Record<string, string>> } | undefined,
  ours: string,
): DefinitionStep {
  if (found === undefined) return 'absent'
  const theirs = found.annotations?.[VERSION_ANNOTATION]
  return theirs !== undefined && compare(numbersOf(theirs), numbersOf(ours)) > 0 ? 'newer' : 'apply'
}

/** Major, minor, patch; what follows a "-" or "+" does not count. */
function numbersOf(version: string): readonly number[] {
  const [core = ''] = version.replace(/^v/, '').split(/[-+]/)
  return core.split('.').map((part) => Number.parseInt(part, 10) || 0)
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = [0, 1, 2].find((position) => (a[position] ?? 0) !== (b[position] ?? 0)) ?? 0
  return (a[index] ?? 0) - (b[index] ?? 0)
}
