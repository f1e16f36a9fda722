import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'

/** What a run was measured on. */
export type Environment = {
  readonly date: string
  readonly command: string
  /** Of the sources that were run; ends in "+" when they differed from it. See sourceCommit. */
  readonly commit: string
  readonly cpu: string
  /** Cores that this process may use. All processes of a benchmark share them. */
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly natsServer: string
  /** Processes that wanted a core in the minute before the run: above a fraction of the cores, others were measured too. */
  readonly loadBefore: number
  /** Measured rounds of every contender, after one that is not counted. */
  readonly rounds: number
}

/** Describes this machine. */
export function describeEnvironment(run: {
  date: Date
  command: string
  commit: string
  natsServer: string
  rounds: number
}): Environment {
  return {
    date: run.date.toISOString(),
    command: run.command,
    commit: run.commit,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    natsServer: run.natsServer,
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
    rounds: run.rounds,
  }
}
