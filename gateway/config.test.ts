import { expect, test } from 'vitest'
import { ConfigError, configHelp, loadConfig } from './config.ts'
import { VARIABLES } from './config-variables.ts'

const ENV = {
  LANDBRIDGE_REGION: 'us-east',
  LANDBRIDGE_NATS_SERVERS: 'nats://a:4222, nats://b:4222',
  LANDBRIDGE_TLS_CERT: 'tls.crt',
  LANDBRIDGE_TLS_KEY: 'tls.key',
  LANDBRIDGE_TLS_CA: 'ca.crt',
}

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('reads what is required, fills in the rest, and freezes it', () => {
  const config = loadConfig(ENV)
  expect(config.nats.servers).toEqual(['nats://a:4222', 'nats://b:4222'])
  expect(config).toMatchObject({ region: 'us-east', mesh: 'landbridge.local', replicas: 1, jwt: undefined, admins: [] })
  expect(Object.isFrozen(config.limits)).toBe(true)
})

test('lists every problem at once, each with its variable', () => {
  const problems = problemsOf({
    LANDBRIDGE_REGION: 'US East',
    LANDBRIDGE_REPLICAS: '2',
    LANDBRIDGE_GRPC_LISTEN: 'nowhere',
    LANDBRIDGE_JWKS_URL: 'http://issuer.example/keys',
    LANDBRIDGE_ADMINS: 'alice',
    LANDBRIDGE_PUBLISH_TIMEOUT_MS: '1.5e9',
  })
  expect(problems.map((problem) => problem.split(':', 1)[0]).sort()).toEqual([
    'LANDBRIDGE_ADMINS',
    'LANDBRIDGE_GRPC_LISTEN',
    'LANDBRIDGE_JWKS_URL',
    'LANDBRIDGE_NATS_SERVERS',
    'LANDBRIDGE_PUBLISH_TIMEOUT_MS',
    'LANDBRIDGE_REGION',
    'LANDBRIDGE_REPLICAS',
    'LANDBRIDGE_TLS_CA',
    'LANDBRIDGE_TLS_CERT',
    'LANDBRIDGE_TLS_KEY',
  ])
})

test('wants all of the token settings or none', () => {
  expect(problemsOf({ ...ENV, LANDBRIDGE_JWT_ISSUER: 'https://issuer.example' })).toHaveLength(1)
})

test.each([
  ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
  ['[::1]:7443', { host: '::1', port: 7443 }],
  ['localhost:65535', { host: 'localhost', port: 65_535 }],
])('reads the address %s', (text, address) => {
  expect(loadConfig({ ...ENV, LANDBRIDGE_GRPC_LISTEN: text }).grpc).toEqual(address)
})

test('administrators are named by subject, group or SPIFFE id', () => {
  const { admins } = loadConfig({ ...ENV, LANDBRIDGE_ADMINS: 'sub:root,group:ops,spiffe:spiffe://mesh/ops' })
  expect(admins).toEqual([
    { by: 'sub', value: 'root' },
    { by: 'group', value: 'ops' },
    { by: 'spiffe', value: 'spiffe://mesh/ops' },
  ])
})

test('the help names every variable', () => {
  for (const { env } of Object.values(VARIABLES)) expect(configHelp()).toContain(env)
})
