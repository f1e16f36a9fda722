// Runs in a pod: reads a topic of the home region from its beginning until it has so many events of a source, and a
// little longer for those that come twice; prints what it saw as JSON.
import { podMesh } from './pod-mesh.ts'

/** What a region holds of a source. */
export type ReadReport = {
  /** Numbers of the ids `<source>-<number>`, in the order in which they came. */
  readonly seen: readonly number[]
}

const QUIET_MS = 2_000

const [topic = '', source = '', wanted = '', withinMs = ''] = process.argv.slice(2)
const mesh = podMesh(1)
const seen: number[] = []
const numbers = new Set<number>()
const stop = new AbortController()
const deadline = setTimeout(() => stop.abort(), Number(withinMs))
let quiet: NodeJS.Timeout | undefined
for await (const { event } of mesh.subscribe(topic, { from: 'earliest', signal: stop.signal })) {
  if (event.source !== source) continue
  const number = Number(event.id.slice(source.length + 1))
  seen.push(number)
  numbers.add(number)
  if (numbers.size < Number(wanted)) continue
  clearTimeout(quiet)
  quiet = setTimeout(() => stop.abort(), QUIET_MS)
}
clearTimeout(deadline)
clearTimeout(quiet)
await mesh.close()
const report: ReadReport = { seen }
console.log(JSON.stringify(report))
