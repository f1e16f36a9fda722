import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensureTool } from '@landbridge/lab'
import { expect, test } from 'vitest'

// Pretends to be Go: counts its builds, takes a moment, writes a program into GOBIN.
const GO = `#!/bin/sh
if [ "$1" = env ]; then echo go1.99; exit 0; fi
echo "$*|$CGO_ENABLED|$GOFLAGS|$GOOS" >> "$BUILDS"
echo "go: downloading example" >&2
/bin/sleep 0.3
printf '#!/bin/sh\\necho built\\n' > "$GOBIN/grpcurl"
/bin/chmod +x "$GOBIN/grpcurl"
`

/** An empty cache, and a PATH with only these programs. */
async function openMachine(programs: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-tool-'))
  const bin = join(folder, 'path')
  await mkdir(bin)
  for (const [name, text] of Object.entries(programs)) {
    await writeFile(join(bin, name), text)
    await chmod(join(bin, name), 0o755)
  }
  const builds = join(folder, 'builds')
  const environment = { PATH: bin, XDG_CACHE_HOME: folder, BUILDS: builds, GOFLAGS: '-buildvcs=false', GOOS: 'plan9' }
  return {
    folder,
    bin,
    environment,
    cached: join(folder, 'landbridge', 'bin', 'grpcurl-1.9.4'),
    builds: () => readFile(builds, 'utf8'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

const report = () => {}

test('two at once build once, away from the repository, with the settings of the user', async () => {
  await using machine = await openMachine({ go: GO })
  const { environment, cached } = machine
  const paths = await Promise.all([1, 2].map(() => ensureTool('grpcurl', { environment, report })))
  expect(paths).toEqual([cached, cached])
  expect(await machine.builds()).toBe(
    'install -v -trimpath -ldflags -s -w -X main.version=v1.9.4 github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4|0|-buildvcs=false|\n',
  )
  expect(await readdir(join(machine.folder, 'landbridge', 'bin'))).toEqual(['grpcurl-1.9.4'])
})

test('the right version on PATH is used, another is not', async () => {
  await using right = await openMachine({ grpcurl: '#!/bin/sh\necho "grpcurl v1.9.4" >&2\n' })
  expect(await ensureTool('grpcurl', { environment: right.environment, report })).toBe(join(right.bin, 'grpcurl'))
  await using other = await openMachine({ grpcurl: '#!/bin/sh\necho "grpcurl v1.9.40" >&2\n', go: GO })
  expect(await ensureTool('grpcurl', { environment: other.environment, report })).toBe(other.cached)
})

test('without Go, or with a failed build, the message says what to install', async () => {
  await using none = await openMachine({})
  const wanted =
    'wanted Go 1.25 or newer (https://go.dev/dl, or your package manager) on PATH, or grpcurl 1.9.4 itself on PATH'
  await expect(ensureTool('grpcurl', { environment: none.environment, report })).rejects.toThrow(
    `build grpcurl 1.9.4: there is no Go on this machine, ${wanted}`,
  )
  await using old = await openMachine({
    go: '#!/bin/sh\n[ "$1" = env ] && exit 0\necho "requires go >= 1.25" >&2\nexit 1\n',
  })
  const failure = ensureTool('grpcurl', { environment: old.environment, report })
  await expect(failure).rejects.toThrow(wanted)
  await expect(failure).rejects.toThrow('requires go >= 1.25\ngo ended with 1')
  expect(await readdir(join(old.folder, 'landbridge', 'bin'))).toEqual([])
})

test('the command prints the path alone', async () => {
  await using machine = await openMachine({ go: GO })
  const script = join(import.meta.dirname, '../../scripts/tool.mjs')
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, [script, 'grpcurl'], { env: machine.environment })
  expect(stdout).toBe(`${machine.cached}\n`)
  await expect(run(process.execPath, [script, 'nonsense'], { env: machine.environment })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^find tool: "nonsense" is not known, wanted one of nats-server, grpcurl, .+\n$/),
  })
})
