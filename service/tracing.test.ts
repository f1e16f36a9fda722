import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { openTracing } from './open-tracing.ts'

/** A collector that was away made a process fail when it was stopped. */
test('a collector that takes no spans does not keep a process from ending well', async () => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    response.writeHead(400).end()
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { tracer, close } = await openTracing({ endpoint, service: 'test', instance: 'a', region: 'eu' })
  tracer.startSpan('lost').end()
  await expect(close()).resolves.toBeUndefined()
  expect(asked).toBe(1)
  server.closeAllConnections()
  server.close()
}, 30_000)
