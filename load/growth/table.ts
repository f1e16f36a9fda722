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
  'consumers',
]

/** The rows as a Markdown table. */
export function growthTable(rows: readonly GrowthRow[]): string {
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
