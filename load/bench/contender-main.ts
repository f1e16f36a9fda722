// One contender in a process of its own: `node contender-main.ts <kind>`. The first message is the setup, every other one a task; each is answered in
// its turn. The process ends when its parent hangs up, however the parent ended.
import type { Contender, ContenderKind, StartContender } from './contender.ts'

type Call = { readonly id: number; readonly body: unknown }

const kind = process.argv[2] as ContenderKind
const module: { start: StartContender<ContenderKind> } = await import(`./contenders/${kind}.ts`)

let contender: Contender<ContenderKind> | undefined
let queue: Promise<void> = Promise.resolve()

process.on('message', (call: Call) => {
  queue = queue.then(() => answer(call))
})
process.once('disconnect', () => process.exit(0))

async function answer(call: Call): Promise<void> {
  try {
    process.send?.({ id: call.id, outcome: await perform(call.body) })
  } catch (error) {
    process.send?.({ id: call.id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

async function perform(body: unknown): Promise<unknown> {
  if (contender !== undefined) return contender.run(body as never)
  contender = await module.start(body as never)
  return undefined
}
