// Runs in a pod: publishes one event a call, with a few calls at a time, until its standard input ends, then prints what became of them as JSON.
import { setTimeout as delay } from 'node:timers/promises'
import type { Receipt } from '@landbridge/client'
import { podMesh } from './pod-mesh.ts'

/** What a run of calls gave. */
export type LoadReport = {
  readonly calls: number
  /** Calls that ended with an error; events of theirs may be stored all the same. */
  readonly failed: readonly string[]
  /** Numbers of the events that were acknowledged: their ids are `<source>-<number>`. */
  readonly acknowledged: readonly number[]
  /** How many events each region stored. */
  readonly regions: Readonly<Record<string, number>>
  readonly slowestMs: number
}

/** The line that is printed at the first acknowledgement; the report is the next and last one. */
const GOING = 'going'
const PAUSE_MS = 10
const LANES = 4

const [topic = '', source = '', regionCount = ''] = process.argv.slice(2)
const mesh = podMesh(Number(regionCount), source)
let going = true
process.stdin.on('end', () => (going = false)).resume()
let calls = 0
let slowestMs = 0
const failed: string[] = []
const acknowledged: number[] = []
const regions: Record<string, number> = {}
const lane = async (): Promise<void> => {
  while (going) {
    const number = calls++
    const begun = performance.now()
    try {
      const event = { id: `${source}-${number}`, type: 'e2e.load', partitionKey: `key-${number % 16}` }
      const [receipt]: readonly [Receipt] = await mesh.publish(topic, event)
      if (acknowledged.push(number) === 1) console.log(GOING)
      regions[receipt.region] = (regions[receipt.region] ?? 0) + 1
    } catch (error) {
      failed.push(`${number}: ${error instanceof Error ? error.message : String(error)}`)
    }
    slowestMs = Math.max(slowestMs, performance.now() - begun)
    await delay(PAUSE_MS)
  }
}
await Promise.all(Array.from({ length: LANES }, lane))
await mesh.close()
const report: LoadReport = { calls, failed, acknowledged, regions, slowestMs: Math.round(slowestMs) }
console.log(JSON.stringify(report))
