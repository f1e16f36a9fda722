import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { Link, PortReservation } from '@landbridge/lab'
import { expect, test } from 'vitest'
import { Caller } from './caller.ts'
import { until } from './until.ts'

/** An echo server behind a link. */
async function startEcho() {
  const cleanup = new AsyncDisposableStack()
  const ports = cleanup.use(new PortReservation())
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.pipe(socket)
  })
  const target = await ports.take()
  server.listen(target, '127.0.0.1')
  await once(server, 'listening')
  cleanup.defer(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const link = cleanup.use(await Link.open(await ports.take(), target))
  return { link, sockets, [Symbol.asyncDispose]: () => cleanup.disposeAsync() }
}

test('an open link forwards both ways and counts', async () => {
  await using echo = await startEcho()
  using caller = new Caller(echo.link.port)
  caller.socket.write('hello')
  await until('the echo is back', () => caller.received === 'hello')
  expect(echo.link.connections).toEqual([{ id: 1, mode: 'open', bytesSent: 5, bytesReceived: 5 }])
  caller.socket.end()
  await until('the connection is gone', () => echo.link.connections.length === 0)
  expect(caller.error).toBeUndefined()
})

test('a refused link resets what is open and refuses what is new, until it heals', async () => {
  await using echo = await startEcho()
  using caller = new Caller(echo.link.port)
  caller.socket.write('hello')
  await until('the echo is back', () => caller.received === 'hello')
  await echo.link.setMode('refused')
  await until('the caller notices', () => caller.error?.code === 'ECONNRESET')
  using late = new Caller(echo.link.port)
  await until('a new caller is refused', () => late.error?.code === 'ECONNREFUSED')
  await echo.link.setMode('open')
  using healed = new Caller(echo.link.port)
  healed.socket.write('again')
  await until('the echo is back', () => healed.received === 'again')
})

test('a stalled link holds bytes back and loses none', async () => {
  await using echo = await startEcho()
  using caller = new Caller(echo.link.port)
  caller.socket.write('one')
  await until('the echo is back', () => caller.received === 'one')
  await echo.link.setMode('stalled')
  caller.socket.write(' two')
  using late = new Caller(echo.link.port)
  late.socket.write('late')
  await until('the late one is accepted', () => echo.link.connections.length === 2)
  expect(caller.received + late.received).toBe('one')
  await echo.link.setMode('open')
  await until('everything arrived', () => caller.received === 'one two' && late.received === 'late')
})

test('a black hole accepts and swallows, and resets its connections when it heals', async () => {
  await using echo = await startEcho()
  using caller = new Caller(echo.link.port)
  caller.socket.write('one')
  await until('the echo is back', () => caller.received === 'one')
  await echo.link.setMode('blackhole')
  caller.socket.write(' two')
  using late = new Caller(echo.link.port)
  await once(late.socket, 'connect')
  // The far end goes away; behind a black hole nobody hears of it.
  for (const socket of echo.sockets) socket.destroy()
  await until('the far end is gone', () => echo.sockets.size === 0)
  expect([caller.error, late.error, caller.received]).toEqual([undefined, undefined, 'one'])
  await echo.link.setMode('open')
  await until('both are reset', () => caller.error?.code === 'ECONNRESET' && late.error?.code === 'ECONNRESET')
  expect(echo.link.connections).toEqual([])
})

test('one connection can be broken or swallowed by itself', async () => {
  await using echo = await startEcho()
  using first = new Caller(echo.link.port)
  first.socket.write('a')
  await until('the echo is back', () => first.received === 'a')
  using second = new Caller(echo.link.port)
  second.socket.write('b')
  await until('the echo is back', () => second.received === 'b')
  expect(echo.link.setConnectionMode(2, 'blackhole')).toBe(true)
  second.socket.write('swallowed')
  first.socket.write('c')
  await until('the first goes on', () => first.received === 'ac')
  expect(second.received).toBe('b')
  expect(echo.link.resetConnection(1)).toBe(true)
  await until('the first is reset', () => first.error?.code === 'ECONNRESET')
  expect(echo.link.resetConnection(99)).toBe(false)
})

/** Once, drills did their work and then never exited: a connection that was reset in the instant in which it was handing on an end stayed open. */
test('a reset breaks a connection that is handing on the end of one side', async () => {
  await using cleanup = new AsyncDisposableStack()
  const ports = cleanup.use(new PortReservation())
  const accepted = new Set<Socket>()
  const target = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.add(socket.resume())
    socket.on('error', () => {})
    socket.on('close', () => accepted.delete(socket))
  })
  target.listen(await ports.take(), '127.0.0.1')
  await once(target, 'listening')
  cleanup.defer(() => {
    for (const socket of accepted) socket.destroy()
    target.close()
  })
  const link = cleanup.use(await Link.open(await ports.take(), portOf(target)))
  // What it is told arrives in the same turn of the event loop as the end before it, and later.
  const trigger = createServer((socket) => socket.on('data', () => link.resetAll()))
  trigger.listen(await ports.take(), '127.0.0.1')
  await once(trigger, 'listening')
  cleanup.defer(() => {
    trigger.close()
  })
  using teller = new Caller(portOf(trigger))
  using caller = new Caller(link.port)
  await until('the target has the connection', () => accepted.size === 1)
  caller.socket.end(() => teller.socket.write('now'))
  await until('the target sees the reset', () => {
    // Who has read an end reads no more: only writing tells him.
    for (const socket of accepted) socket.write('x')
    return accepted.size === 0
  })
})

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('port: the server does not listen')
  return address.port
}
