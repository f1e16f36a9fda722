import { availableParallelism, cpus, platform, release, totalmem } from 'node:os'

/** What a run was measured on. */
export type Environment = {
  readonly date: string
  readonly command: string
  readonly cpu: string
  /** Cores that this process may use. All processes of a benchmark share them. */
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly natsServer: string
  /** Measured rounds of every contender, after one that is not counted. */
  readonly rounds: number
}

/** Describes this machine. */
export function describeEnvironment(run: {
  date: Date
  command: string
  natsServer: string
  rounds: number
}): Environment {
  return {
    date: run.date.toISOString(),
    command: run.command,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    natsServer: run.natsServer,
    rounds: run.rounds,
  }
}
