import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ensureTool } from '../../scripts/tool.mjs'
import { startOperatorFixture } from './operator.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const run = promisify(execFile)

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
    await kubectl('delete', '-n', 'landbridge', 'regionpeers', '--all', '--timeout=30s')
  }
  const streams = await fixture.streams.list()
  expect([...streams.keys()].toSorted()).toEqual(['lb_acme_customers', 'lb_acme_orders', 'lb_acme_payments'])
})
