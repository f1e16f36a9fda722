import { describe, expect, it } from 'vitest'
import { boundaryProblems } from './boundaries.ts'

const doors = new Set(['core', 'core/event', 'gateway', 'gateway/auth'])

describe('boundaryProblems', () => {
  it.each([
    ['core/routes.ts', "import { readFile } from 'node:fs/promises'", 'node:fs/promises'],
    ['gateway/server.ts', "import { connect } from '@nats-io/transport-node'", '@nats-io/transport-node'],
    ['client/connect.ts', "import type { NatsSession } from '@landbridge/nats'", '@landbridge/nats'],
    ['gateway/server.ts', "import { x } from '../core/errors.ts'", 'core/errors.ts'],
    ['core/names.ts', "export { scan } from './event/scan.ts'", 'core/event/index.ts'],
    ['core/event/scan.test.ts', "import { start } from '@landbridge/lab'", '@landbridge/lab'],
    ['proto/grpc.ts', "const x = await import('node:net')", 'node:net'],
  ])('refuses in %s: %s', (file, source, named) => {
    const problems = boundaryProblems(file, source, doors)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(named)
  })

  it.each([
    ['core/names.ts', "import { scan } from './event/index.ts'"],
    ['core/event/scan.ts', "import { WireReader } from './wire.ts'"],
    ['core/event/scan.ts', "import { MeshError } from '../errors.ts'"],
    ['gateway/rpc/publish.ts', "import { createHash } from 'node:crypto'\nimport { store } from '@landbridge/nats'"],
    ['core/event/scan.test.ts', "import { expect } from 'vitest'"],
    ['test/gateway/auth.test.ts', "import { TopicRegistry } from '../../gateway/topics.ts'"],
  ])('allows in %s: %s', (file, source) => {
    expect(boundaryProblems(file, source, doors)).toEqual([])
  })
})
