import type { BenchMesh } from '../mesh.ts'
import type { ScenarioName } from '../options.ts'
import type { BenchRow } from '../report/row.ts'
import type { OnTurn } from '../rounds.ts'
import type { SyncMode } from '../servers/native-pair.ts'

/** What a scenario works with. */
export type ScenarioContext = {
  /** Two regions, us-east and eu-west; alone on this machine but for what the scenario starts. */
  readonly mesh: BenchMesh
  /** How the mesh's servers, and all others that a scenario starts, write to the disk. */
  readonly sync: SyncMode
  readonly natsBinary: string
  readonly rounds: number
  readonly quick: boolean
  readonly onTurn: OnTurn
}

/** One group of rows. */
export type Scenario = {
  readonly name: ScenarioName
  /** The modes in which it is worth measuring. */
  readonly syncModes: readonly SyncMode[]
  run(context: ScenarioContext): Promise<BenchRow[]>
}

/** What a scenario works with that brings a mesh of its own, because it breaks or delays it. Its servers sync always. */
export type LoneContext = Omit<ScenarioContext, 'mesh' | 'sync'>

/** One group of rows, measured on a mesh of its own. */
export type LoneScenario = {
  readonly name: ScenarioName
  run(context: LoneContext): Promise<BenchRow[]>
}

/** The end of a row's name. */
export function syncText(sync: SyncMode): string {
  return sync === 'always' ? 'sync always' : 'sync default'
}

/** Events a second. */
export function rateOf(outcome: { readonly events: number; readonly elapsedMs: number }): number {
  return (outcome.events * 1_000) / outcome.elapsedMs
}

/** The rounds of one contender. */
export function roundsOf<Outcome>(outcomes: ReadonlyMap<string, readonly Outcome[]>, name: string): readonly Outcome[] {
  const rounds = outcomes.get(name)
  if (rounds === undefined)
    throw new Error(`read outcomes: none of "${name}", wanted one of ${[...outcomes.keys()].join(', ')}`)
  return rounds
}
