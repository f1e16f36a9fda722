import type { Lab } from '../lab.ts'
import { demoPlan, runDemo, startDemoLab } from './demo.ts'
import { LiveView } from './live-view.ts'
import { closingReport } from './report.ts'

const keep = process.env.KEEP === '1'
const started = performance.now()

console.log('Landbridge demo: three regions, one of them killed and brought back, every event counted.\n')
await using lab = await startDemoLab((line) => console.log(`  ${line}`))
console.log(`  mesh ready after ${seconds()} s; state in ${lab.stateDir}\n`)

const view = new LiveView(process.stdout)
const { outcomes, audit, failures } = await runDemo(lab, demoPlan, (progress) => view.show(progress))
view.end()

const { lines, problems } = closingReport(outcomes, audit)
console.log(`Read from every region's JetStream:\n\n${lines.join('\n')}\n`)
for (const failure of failures) problems.push(`a service failed: ${failure.message}`)
if (problems.length > 0) console.log(`FAILED\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
else console.log(`Every event is in every region, once and in order. ${seconds()} s in all.`)
process.exitCode = problems.length > 0 ? 1 : 0
if (keep) await stay(lab)

function seconds(): string {
  return ((performance.now() - started) / 1000).toFixed(1)
}

/** Leaves the mesh running until Ctrl-C and says how to use it. */
async function stay(mesh: Lab): Promise<void> {
  const endpoints = mesh.regions.flatMap((region) => region.endpoints.map((address) => `${region.name}=${address}`))
  const token = await mesh.token({
    subject: 'webhooks-you',
    groups: ['github-readers', 'lab-admins'],
    expiresInSeconds: 86_400,
  })
  console.log(`
The mesh stays up until Ctrl-C. In another terminal:

  export LANDBRIDGE_ENDPOINTS=${endpoints.join(',')}
  export LANDBRIDGE_CA=${mesh.caFile}
  export LANDBRIDGE_TOKEN=${token}

  npx landbridge subscribe github/issues --from earliest --count 3
  npx landbridge publish github/issues --type com.example.hello --data '{"hello":"world"}'
  npx landbridge lag
`)
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
}
