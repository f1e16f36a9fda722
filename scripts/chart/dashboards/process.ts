import type { Row } from './panel.ts'

/** What every process shows of itself. @param selector PromQL labels that pick the processes */
export function processRow(selector: string): Row {
  return {
    title: 'Processes',
    panels: [
      {
        title: 'CPU',
        description: 'Cores in use. A process uses one for its own work, and little more.',
        type: 'timeseries',
        unit: 'short',
        queries: [{ expr: `rate(process_cpu_seconds_total{${selector}}[$__rate_interval])`, legend: '{{pod}}' }],
      },
      {
        title: 'Memory',
        description: 'Resident memory: what counts against the limit of the container.',
        type: 'timeseries',
        unit: 'bytes',
        queries: [{ expr: `process_resident_memory_bytes{${selector}}`, legend: '{{pod}}' }],
      },
      {
        title: 'Event loop delay, p99',
        description: 'How late the process gets to its work. Above 100 ms it has more than it can do.',
        type: 'timeseries',
        unit: 's',
        queries: [{ expr: `nodejs_eventloop_lag_p99_seconds{${selector}}`, legend: '{{pod}}' }],
      },
    ],
  }
}
