import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ensureTool } from '../../scripts/tool.mjs'
import { startOperatorFixture } from './operator.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const run = promisify(execFile)

// No gateway runs here: nothing is known of lag and links.
const TOPICS_SHOWN = [
  'NAMESPACE NAME READY REASON REGIONS LAG',
  'acme customers True InPlace all',
  'acme orders True InPlace all',
  'acme payments True InPlace all',
]
const POLICIES_SHOWN = [
  'NAMESPACE NAME READY REASON OPERATIONS',
  'acme billing True InPlace subscribe',
  'acme checkout True InPlace publish',
  'acme support True InPlace subscribe',
]

test('the examples of every region are taken, become ready, and change nothing when they are applied again', {
  timeout: 600_000,
}, async () => {
  await using fixture = await startOperatorFixture()
  const binary = await ensureTool('kubectl')
  const kubectl = async (...args: readonly string[]) =>
    (await run(binary, ['--kubeconfig', fixture.cluster.kubeconfig, ...args])).stdout
  const regions = await readdir(join(EXAMPLES, 'regions'))
  expect(regions).toHaveLength(3)
  for (const region of regions) {
    const folder = join(EXAMPLES, 'regions', region)
    await kubectl('apply', '-k', folder)
    await kubectl('wait', '--for=condition=Ready', '--timeout=60s', '-n', 'acme', 'topics,acl', '--all')
    const again = (await kubectl('apply', '-k', folder)).trimEnd().split('\n')
    expect(again.filter((line) => !line.endsWith(' unchanged'))).toEqual([])
    expect(again.length).toBeGreaterThan(8)
    await kubectl('wait', '--for=condition=Ready', '--timeout=60s', '-n', 'landbridge', 'peers', '--all')
    const shown = async (kinds: string) => rowsOf(await kubectl('get', kinds, '-A', '--sort-by=.metadata.name'))
    expect(await shown('topics')).toEqual(TOPICS_SHOWN)
    expect(await shown('acl')).toEqual(POLICIES_SHOWN)
    const others = regions.filter((other) => other !== region).toSorted()
    const peers = others.map((other) => `landbridge ${other} True InPlace`)
    expect(await shown('peers')).toEqual(['NAMESPACE NAME READY REASON LINK LAG', ...peers])
    await kubectl('delete', '-n', 'landbridge', 'regionpeers', '--all', '--timeout=30s')
  }
  const streams = await fixture.streams.list()
  expect([...streams.keys()].toSorted()).toEqual(['lb_acme_customers', 'lb_acme_orders', 'lb_acme_payments'])
})

/** The rows of a table of kubectl, without their last column: the age. */
function rowsOf(table: string): readonly string[] {
  return table
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ +/).slice(0, -1).join(' '))
}
