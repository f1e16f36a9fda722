import type { ClassificationRule } from '../documents/index.ts'

/** Stands for every region, or every other classification, in a `ClassificationRule`. */
export const EVERY = '*'

/** Whether the rule lets the region hold events of its classification. */
export function allows({ regions }: ClassificationRule, region: string): boolean {
  return regions.includes(region) || regions.includes(EVERY)
}
