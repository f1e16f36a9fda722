import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PortReservation } from '@landbridge/lab'
import { expect, test } from 'vitest'
import { startMesh, topic } from '../end-to-end/mesh.ts'

test('a process whose client is closed ends by itself: no connection or timer is left', {
  timeout: 60_000,
}, async () => {
  await using lab = await startMesh()
  await using ports = new PortReservation()
  const env = {
    ...process.env,
    ENDPOINT: `us-east=${lab.region('us-east').endpoints[0]}`,
    AWAY: `eu-west=localhost:${await ports.take()}`,
    CA: lab.caFile,
    TOKEN: await lab.token({ subject: 'service-leaver' }),
    TOPIC: topic,
  }
  // A process that hangs is killed, which rejects.
  const program = join(import.meta.dirname, 'use-and-close.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env, timeout: 15_000 })
  expect(stdout).toBe('closed\n')
})
