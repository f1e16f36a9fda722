import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { unpackDebian } from '../../scripts/debian.mjs'

// Pretends to download: one file a package; says what it was asked.
const APT = `#!/bin/sh
echo "$*" >> "$CALLS"
for last; do :; done
: > "$last.deb"
`
// Pretends to unpack: dpkg -x FILE FOLDER.
const DPKG = `#!/bin/sh
/bin/mkdir -p "$3/usr"
/bin/cp "$2" "$3/usr/header.h"
`

async function openMachine(programs: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-debian-'))
  const bin = join(folder, 'path')
  await mkdir(bin)
  for (const [name, text] of Object.entries(programs)) {
    await writeFile(join(bin, name), text)
    await chmod(join(bin, name), 0o755)
  }
  const calls = join(folder, 'calls')
  return {
    environment: { PATH: bin, XDG_CACHE_HOME: folder, CALLS: calls },
    cache: join(folder, 'landbridge', 'debian'),
    calls: () => readFile(calls, 'utf8'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

test('packages are downloaded once and unpacked beside nothing else', async () => {
  await using machine = await openMachine({ 'apt-get': APT, dpkg: DPKG })
  const folder = await unpackDebian(['libthing-dev'], machine.environment)
  expect(await unpackDebian(['libthing-dev'], machine.environment)).toBe(folder)
  expect(await readdir(join(folder, 'usr'))).toEqual(['header.h'])
  expect(await readdir(machine.cache)).toEqual(['libthing-dev'])
  expect(await machine.calls()).toBe('-qq -o APT::Sandbox::User=root download libthing-dev\n')
})

test('without apt, or with a package it does not know, the message says what to install', async () => {
  await using none = await openMachine({})
  const wanted = 'wanted these packages installed: apt-get update && apt-get install libthing-dev'
  await expect(unpackDebian(['libthing-dev'], none.environment)).rejects.toThrow(wanted)
  await using lost = await openMachine({
    'apt-get': '#!/bin/sh\necho "E: Unable to locate package" >&2\nexit 100\n',
    dpkg: DPKG,
  })
  const failure = unpackDebian(['libthing-dev'], lost.environment)
  await expect(failure).rejects.toThrow(`apt-get said "E: Unable to locate package", ${wanted}`)
  expect(await readdir(lost.cache)).toEqual([])
})
