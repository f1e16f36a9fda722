import { randomUUID } from 'node:crypto'
import { MeshError } from '@landbridge/core'
import type { Command } from 'commander'
import { CommandFailure } from '../command-failure.ts'
import { type Connection, DEFAULT_SOURCE, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { topicArgument } from '../option-values.ts'
import { untilReady } from '../subscribe/read-events.ts'

type CheckFlags = { readonly topic: string; readonly setup?: boolean }

/** Time for the event to come back, milliseconds. */
const ROUND_TRIP_MS = 15_000

/** `landbridge check`: whether a region takes an event and gives it back. */
export function addCheckCommand(program: Command, context: Context): void {
  program
    .command('check')
    .description('publish an event and read it back through the same gateways')
    .requiredOption('--topic <topic>', '<tenant>/<topic> to use', topicArgument)
    .option('--setup', 'apply the topic first, and a policy that lets every client certificate use it')
    .action(async ({ topic, setup }: CheckFlags, command: Command) => {
      await withMesh(command, context, async (connection) => {
        if (setup === true) await applySetup(topic, connection)
        await roundTrip(topic, connection, context)
      })
    })
}

async function applySetup(topic: string, { mesh }: Connection): Promise<void> {
  const [namespace = '', name = ''] = topic.split('/')
  const documents = [
    {
      kind: 'Topic',
      metadata: { namespace, name },
      spec: { retention: { age: '1h' }, description: 'landbridge check' },
    },
    {
      kind: 'AccessPolicy',
      metadata: { namespace, name: `${name.replaceAll('.', '-')}-check` },
      spec: { principals: [{ spiffe: 'spiffe://*' }], topics: [name], operations: ['publish', 'subscribe'] },
    },
  ].map((document) => JSON.stringify({ apiVersion: 'landbridge.dev/v1alpha1', ...document }))
  const outcomes = await mesh.admin.apply(documents.join('\n---\n'))
  const failed = outcomes.find(({ action }) => action === 'failed')
  if (failed !== undefined)
    throw new CommandFailure(EXIT.failed, `${failed.kind} ${failed.name}: ${failed.error ?? ''}`)
}

async function roundTrip(topic: string, { mesh, printer }: Connection, context: Context): Promise<void> {
  const id = randomUUID()
  const begun = performance.now()
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(ROUND_TRIP_MS)])
  const subscription = mesh.subscribe(topic, { from: 'latest', signal })
  await untilReady(subscription, mesh, topic, ROUND_TRIP_MS)
  const [receipt] = await mesh.publish(topic, { id, type: 'dev.landbridge.check', source: DEFAULT_SOURCE }, { signal })
  const publishedMs = performance.now() - begun
  for await (const delivery of subscription) {
    if (delivery.event.id !== id) continue
    const result = { topic, region: receipt.region, publishedMs, deliveredMs: performance.now() - begun }
    await printer.item(
      () => `${topic}: published in ${result.region} and read back, ${Math.round(result.deliveredMs)} ms in all`,
      () => result,
    )
    return
  }
  throw new MeshError(
    'deadline_exceeded',
    `check ${topic}: the event did not come back within ${ROUND_TRIP_MS / 1_000} s`,
  )
}
