import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { copyStore, ensureTool, PortReservation, putBackStore, Reaper, startLab, truncateStore } from '@landbridge/lab'
import { NatsSession, streamStatus } from '@landbridge/nats'
import { jetstream } from '@nats-io/jetstream'
import { connect as connectToNats } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { writeClock } from '../../lab/faults/clock-file.ts'
import { Disks } from '../../lab/faults/disks.ts'
import { Links } from '../../lab/faults/links.ts'
import { Toxics } from '../../lab/faults/toxics.ts'
import { ManagedProcess } from '../../lab/process/managed-process.ts'
import { Caller } from './caller.ts'
import { until } from './until.ts'

/** Links with toxics from "a" to an echo server "b". */
async function startLinks() {
  const cleanup = new AsyncDisposableStack()
  const ports = cleanup.use(new PortReservation())
  const reaper = cleanup.use(new Reaper())
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-toxics-'))
  cleanup.defer(() => rm(folder, { recursive: true }))
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  const target = await ports.take()
  server.listen(target, '127.0.0.1')
  cleanup.defer(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const command = await ensureTool('toxiproxy-server')
  const manage = (spec: ManagedProcess['spec']) => new ManagedProcess(spec, { reaper, onExit: () => {} })
  const toxics = await Toxics.start({ command, folder, ports, manage })
  const links = cleanup.use(new Links(toxics, () => 0))
  await links.open({ from: 'a', to: 'b' }, [await ports.take()], [target])
  const port = links.of('a', 'b')[0]?.port ?? 0
  return { links, port, [Symbol.asyncDispose]: () => cleanup.disposeAsync() }
}

test('a link can be late, slow, lossy and half-open, and heals', { timeout: 60_000 }, async () => {
  await using mesh = await startLinks()
  using caller = new Caller(mesh.port)
  const echoed = async (text: string) => {
    const before = caller.received.length
    const started = performance.now()
    caller.socket.write(text)
    await until(`${text.length} bytes are back`, () => caller.received.length === before + text.length)
    return performance.now() - started
  }
  expect(await echoed('x')).toBeLessThan(100)
  await mesh.links.setTrouble('a', 'b', { kind: 'delay', delayMs: 100, jitterMs: 20 })
  expect(await echoed('x')).toBeGreaterThan(150)
  expect(mesh.links.status()).toMatchObject([{ mode: 'open', trouble: 'delay 100±20 ms' }])
  // The question is lost, and so is the answer: each comes a round trip later.
  await mesh.links.setTrouble('a', 'b', { kind: 'delay', delayMs: 50, jitterMs: 0, packetLoss: 0.01 })
  expect(await echoed('x')).toBeGreaterThan(290)
  await mesh.links.setTrouble('a', 'b', { kind: 'slow', bytesPerSecond: 100_000 })
  expect(await echoed('x'.repeat(50_000))).toBeGreaterThan(400)
  await mesh.links.setTrouble('a', 'b', { kind: 'loss', ratio: 0.5 })
  expect(await echoed('x')).toBeGreaterThan(380)
  await mesh.links.setTrouble('a', 'b', undefined)
  expect(await echoed('x')).toBeLessThan(100)

  await mesh.links.setTrouble('a', 'b', { kind: 'half-open', lost: 'back' })
  caller.socket.write('question')
  await until('the question passed', () => (mesh.links.of('a', 'b')[0]?.connections[0]?.bytesSent ?? 0) > 50_000)
  await mesh.links.setTrouble('a', 'b', undefined)
  await until('the conversation is broken', () => caller.error?.code === 'ECONNRESET')
  expect(caller.received).not.toContain('question')
  using healed = new Caller(mesh.port)
  healed.socket.write('again')
  await until('the echo is back', () => healed.received === 'again')
})

test('a process sees the wrong time, and monotonic clocks go on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-clock-'))
  try {
    const file = join(folder, 'clock')
    await writeClock(file, -30_000)
    const script = join(folder, 'print.mjs')
    await writeFile(
      script,
      'console.log(JSON.stringify([Date.now(), new Date().getTime(), new Date(5).getTime(), new Date() instanceof Date]))',
    )
    const preload = new URL('../../lab/faults/wrong-clock.ts', import.meta.url).href
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', preload, script], {
      env: { ...process.env, LANDBRIDGE_LAB_CLOCK_FILE: file },
    })
    const [now, made, fixed, isDate] = JSON.parse(stdout) as [number, number, number, boolean]
    expect(Math.abs(Date.now() - 30_000 - now)).toBeLessThan(5_000)
    expect(Math.abs(made - now)).toBeLessThan(100)
    expect([fixed, isDate]).toEqual([5, true])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a store can be put back, with older buckets than streams, and truncated', { timeout: 60_000 }, async () => {
  await using lab = await startLab({ regions: ['one'], gateways: 0 })
  const region = lab.region('one')
  const servers = [...region.natsUrls]
  const connection = await connectToNats({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  try {
    const js = jetstream(connection)
    const manager = await js.jetstreamManager()
    for (const name of ['EVENTS', 'KV_bucket']) await manager.streams.add({ name, subjects: [name] })
    const counts = async () => {
      await using session = await NatsSession.connect({ servers, name: 'test' })
      const statuses = await Promise.all(['EVENTS', 'KV_bucket'].map((name) => streamStatus(session, name)))
      return statuses.map((status) => status?.messages)
    }
    const store = async () => {
      for (const name of ['EVENTS', 'KV_bucket']) for (let n = 0; n < 5; n++) await js.publish(name, 'x'.repeat(100))
    }
    const [older, newer] = [join(lab.stateDir, 'older'), join(lab.stateDir, 'newer')]
    await store()
    await copyStore(region, 0, older)
    await store()
    await copyStore(region, 0, newer)
    await store()
    expect(await counts()).toEqual([15, 15])
    await region.kill('nats')
    await putBackStore(region, 0, { streams: newer, buckets: older })
    await region.start('nats')
    expect(await counts()).toEqual([10, 5])
    await region.kill('nats')
    expect(await truncateStore(region, 0, 'EVENTS', 0.5)).toBeGreaterThan(500)
    await region.start('nats')
    const [events, bucket] = await counts()
    expect([events === 4 || events === 5, bucket]).toEqual([true, 5])
  } finally {
    await connection.close()
  }
})

test('a disk can be full, where root may mount one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-disk-'))
  const disks = new Disks()
  try {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      await expect(disks.mount('d', folder)).rejects.toThrow('mount')
      return
    }
    await disks.mount('d', folder)
    await writeFile(join(folder, 'one'), 'x'.repeat(10_000))
    await disks.fill('d')
    await expect(writeFile(join(folder, 'two'), 'x'.repeat(100_000))).rejects.toThrow('ENOSPC')
    await disks.free('d')
    await writeFile(join(folder, 'three'), 'x'.repeat(100_000))
  } finally {
    await disks[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  }
})
