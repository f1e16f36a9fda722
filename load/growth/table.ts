import type { Environment } from '../bench/report/environment.ts'
import type { GrowthRow } from './measure.ts'

const HEAD = [
  'regions',
  'topics',
  'origin: CPU/event',
  'idle CPU',
  'memory',
  'receiver: CPU/event',
  'idle CPU',
  'memory',
  'NATS at the origin: idle CPU',
  'consumers while idle',
]

const BEGIN = '<!-- what follows is written by `make growth ARGS="--doc docs/growth.md"` -->'
const END = '<!-- end of what was written -->'

/**
 * The text with the figures between its two marks replaced.
 * @throws {Error} when the marks are missing
 */
export function withFigures(text: string, figures: string): string {
  const from = text.indexOf(BEGIN)
  const to = text.indexOf(END)
  if (from === -1 || to < from) throw new Error(`write figures: no place for them, wanted "${BEGIN}" and "${END}"`)
  return `${text.slice(0, from + BEGIN.length)}\n\n${figures}\n\n${text.slice(to)}`
}

/** The table, and what it was measured on. */
export function growthFigures(rows: readonly GrowthRow[], environment: Environment): string {
  const { date, command, commit, cores, cpu, node, natsServer, loadBefore } = environment
  const events = [...new Set(rows.map((row) => row.events.toLocaleString('en-US')))].join(' or ')
  const awake = rows.filter((row) => row.awake > 0)
  return [
    growthTable(rows),
    '',
    `${date.slice(0, 10)}, commit ${commit}, \`${command}\`: ${events} events for each size. ${cpu}, ${cores} cores, Node ${node}, nats-server`,
    `${natsServer}; load average before the run ${loadBefore}.`,
    ...awake.map(
      (row) =>
        `${row.regions} regions, ${row.topics} topics: ${row.awake} readers did not sleep, so its idle figures are not of a mesh at rest.`,
    ),
  ].join('\n')
}

/** The rows as a Markdown table. */
function growthTable(rows: readonly GrowthRow[]): string {
  const lines = [HEAD, HEAD.map(() => '---:'), ...rows.map(cellsOf)]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function cellsOf({ regions, topics, origin, receiver, originServer, consumers }: GrowthRow): string[] {
  const gateway = ({ cpuUsPerEvent, idleCpuMsPerSecond, memoryMiB }: GrowthRow['origin']) => [
    `${Math.round(cpuUsPerEvent)} us`,
    percent(idleCpuMsPerSecond),
    `${Math.round(memoryMiB)} MiB`,
  ]
  const idle = percent(originServer.idleCpuMsPerSecond)
  return [String(regions), String(topics), ...gateway(origin), ...gateway(receiver), idle, String(consumers)]
}

/** Of one core. */
function percent(msPerSecond: number): string {
  return `${(msPerSecond / 10).toFixed(1)}%`
}
