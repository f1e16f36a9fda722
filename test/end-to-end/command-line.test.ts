import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, readFile, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { ensureTool, type Lab } from '@landbridge/lab'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startMesh, topic } from './mesh.ts'

const root = resolve(import.meta.dirname, '../..')
const program = join(root, 'client/cli/main.ts')
const settled = { timeout: 20_000, interval: 100 }
let lab: Lab
let environment: Record<string, string>

beforeAll(async () => {
  lab = await startMesh()
  environment = {
    LANDBRIDGE_ENDPOINTS: lab.regions
      .flatMap((region) => region.endpoints.map((at) => `${region.name}=${at}`))
      .join(','),
    LANDBRIDGE_CA: lab.caFile,
    LANDBRIDGE_TOKEN: await lab.token({ subject: 'service-shell', groups: ['lab-admins'] }),
  }
})
afterAll(() => lab.close())

/** Runs the command as a shell would. */
async function landbridge(words: readonly string[], input = '', settings: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program, ...words], { env: { ...process.env, ...environment, ...settings } })
  child.stdin.end(input)
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { output, errors, code }
}

test('publishes what comes in line by line, and another region shows it', async () => {
  const lines = Array.from({ length: 5 }, (_, n) => JSON.stringify({ n })).join('\n')
  const published = await landbridge(
    ['publish', topic, '--type', 'shell', '--source', 'urn:shell', '--ndjson', '-o', 'json'],
    lines,
  )
  expect(published).toMatchObject({ code: 0, errors: '' })
  expect(published.output.trim().split('\n')).toHaveLength(5)
  const elsewhere = { LANDBRIDGE_ENDPOINTS: (environment.LANDBRIDGE_ENDPOINTS ?? '').split(',').at(-1) ?? '' }
  const shown = await landbridge(
    ['subscribe', topic, '--from', 'earliest', '--count', '5', '-o', 'json'],
    '',
    elsewhere,
  )
  expect(shown.code).toBe(0)
  const rows = shown.output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { region: string; event: { type: string } })
  expect(rows.map((row) => [row.region, row.event.type])).toEqual(Array(5).fill(['eu-west', 'shell']))
})

test('applies documents to every region, first without changing anything', async () => {
  const document =
    'apiVersion: landbridge.dev/v1alpha1\nkind: Topic\nmetadata: { namespace: acme, name: returns }\nspec: {}\n'
  const actions = async (words: readonly string[]) => {
    const { output, code } = await landbridge(['apply', '-f', '-', '-o', 'json', ...words], document)
    const rows = JSON.parse(output) as { region: string; action: string }[]
    return { code, actions: rows.map((row) => `${row.region} ${row.action}`).sort() }
  }
  const created = { code: 0, actions: ['eu-west created', 'us-east created'] }
  expect(await actions(['--dry-run'])).toEqual(created)
  expect(await actions([])).toEqual(created)
  expect(await actions([])).toEqual({ code: 0, actions: ['eu-west unchanged', 'us-east unchanged'] })
})

// The story: it was refused, because the first document that kustomize writes is a Namespace.
test('shows what the examples would change, by the command of their page as it stands there', async () => {
  const page = await readFile(join(root, 'examples/README.md'), 'utf8')
  const [command = ''] = page.match(/^npx landbridge diff .*$/m) ?? []
  expect(command).toContain('kubectl kustomize')
  await using folder = await mkdtempDisposable(join(tmpdir(), 'landbridge-examples-'))
  await symlink(await ensureTool('kubectl'), join(folder.path, 'kubectl'))
  const PATH = [folder.path, join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  const shell = spawn('bash', ['-c', command], { cwd: root, env: { ...process.env, ...environment, PATH } })
  const [output, errors, [code]] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, 'close')])
  expect(errors).toMatch(/^\S+: skipped what is not of landbridge\.dev: v1 Namespace acme$/m)
  const rows = output.split('\n').map((line) => line.split(/ {2,}/).slice(0, 4).join(' '))
  expect(rows).toEqual(
    expect.arrayContaining(['us-east Topic acme/payments created', 'eu-west Topic acme/orders updated']),
  )
  expect(code).toBe(1)
})

test('shows a topic with its retention, and deletes it everywhere', async () => {
  const document = `
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: brief }
spec: { retention: { age: 2h, bytes: 1GiB, events: 5000 }, deletionPolicy: Delete }
`
  expect(await landbridge(['apply', '-f', '-'], document)).toMatchObject({ code: 0 })
  const shown = () => landbridge(['topics', 'get', 'acme/brief'])
  await vi.waitFor(async () => expect((await shown()).output).toMatch(/^retention +2h, 1GiB, 5,000 events$/m), settled)
  const rows = (output: string) =>
    output
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/ {2,}/))
  const row = (region: string) => [
    region,
    'acme/brief',
    'deleted',
    expect.stringMatching(/^stream lb_acme_brief .* goes$/),
  ]
  const planned = await landbridge(['topics', 'delete', 'acme/brief', '--dry-run'])
  expect(rows(planned.output)).toEqual([row('us-east'), row('eu-west')])
  const deleted = await landbridge(['topics', 'delete', 'acme/brief', '--yes'])
  expect(rows(deleted.output)).toEqual(rows(planned.output))
  await vi.waitFor(async () => expect((await shown()).errors).toContain('is not known'), settled)
  expect(await landbridge(['topics', 'delete', 'acme/brief', '--yes'])).toMatchObject({ code: 1, output: '' })
})

test.each([
  ['an unknown option', ['publish', topic, '--nonsense'], {}, 2],
  ['no type', ['publish', topic, '--data', '{}'], {}, 2],
  ['a token of nobody', ['topics'], { LANDBRIDGE_TOKEN: 'not-a-token' }, 3],
  ['a topic without a policy', ['publish', 'other/topic', '--type', 't', '--source', 's', '--data', '1'], {}, 3],
  ['a gateway that is not there', ['topics', '--timeout', '1s'], { LANDBRIDGE_ENDPOINTS: 'localhost:9' }, 4],
])('says what is wrong with %s, and exits accordingly', async (_, words, settings, code) => {
  const ended = await landbridge(words, '', settings)
  expect(ended).toMatchObject({ code, output: '' })
  expect(ended.errors).not.toBe('')
  expect(ended.errors).not.toContain('    at ')
})

test('ends quietly by Ctrl-C', async () => {
  const child = await subscriber()
  child.kill('SIGINT')
  const [errors, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  expect({ errors, code }).toEqual({ errors: '', code: 130 })
})

test('ends quietly when its reader goes away', async () => {
  const child = await subscriber()
  child.stdout.destroy()
  const ended = Promise.all([text(child.stderr), once(child, 'exit')])
  // It notices with the next event that it cannot write.
  await landbridge(['publish', topic, '--type', 'last', '--source', 'urn:shell', '--data', '1'])
  const [errors] = await ended
  expect(errors).toBe('')
})

/** A subscriber that has printed something. */
async function subscriber() {
  const environmentOfChild = { ...process.env, ...environment }
  const child = spawn(process.execPath, [program, 'subscribe', topic, '--from', 'earliest'], {
    env: environmentOfChild,
  })
  await once(child.stdout, 'data')
  return child
}
