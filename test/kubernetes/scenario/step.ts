import type { World } from './world.ts'

/** Something that a user does. */
export type Step = {
  readonly name: string
  /** @returns what was seen, for people. @throws Error when it is not as it must be */
  readonly run: (world: World) => Promise<string>
}
