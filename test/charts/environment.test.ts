import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig as loadGatewayConfig } from '@landbridge/gateway'
import { loadConfig as loadOperatorConfig } from '@landbridge/operator'
import { expect, test } from 'vitest'
import { readSettings } from '../../client/cli/settings.ts'
import { VARIABLES as GATEWAY } from '../../gateway/config-variables.ts'
import { VARIABLES as OPERATOR } from '../../operator/config-variables.ts'
import { MINIMAL, render } from './helm.ts'
import { MATRIX } from './matrix.ts'
import { containerOf, environmentOf, podsOf } from './pods.ts'

const ROOT = join(import.meta.dirname, '../..')
const cases = Object.entries(MATRIX).map(([name, values]) => ({ name, values: { ...MINIMAL, ...values } }))

/** What a user adds is the user's. */
const EXTRA = new Set(['NODE_OPTIONS'])

/** Variables of the container of a component, as the kubelet would set them; undefined without the component. */
function environment(values: object, component: string): Readonly<Record<string, string>> | undefined {
  const manifests = render({ ...values })
  const pod = podsOf(manifests).find(
    ({ owner }) => owner.metadata.labels?.['app.kubernetes.io/component'] === component,
  )
  if (pod === undefined) return undefined
  const set = environmentOf(containerOf(manifests, pod.owner.metadata.name))
  return Object.fromEntries(
    Object.entries(set)
      .filter(([name]) => !EXTRA.has(name))
      .map(([name, value]) => [name, value === '' ? 'the-pod' : value]),
  )
}

function names(table: object): readonly string[] {
  return Object.values(table as Readonly<Record<string, { readonly env: string }>>).map(({ env }) => env)
}

test.for(cases)('$name: the gateway knows every variable, and takes them', ({ values }) => {
  const set = environment(values, 'gateway')
  if (set === undefined) throw new Error('there is no gateway')
  for (const name of Object.keys(set).filter((name) => name !== 'LANDBRIDGE_ADMINS' || set[name] !== 'the-pod')) {
    expect(names(GATEWAY)).toContain(name)
  }
  const config = loadGatewayConfig(set)
  expect(config).toMatchObject({ gateway: 'the-pod', http: { port: 7080 }, grpc: { port: 7443 } })
  // The test of `helm test` administers by the region's own certificate.
  expect(config.admins[0]).toEqual({ by: 'spiffe', value: `spiffe://landbridge.local/region/${config.region}` })
})

test.for(cases)('$name: the operator knows every variable, and takes them', ({ values }) => {
  const set = environment(values, 'operator')
  if (set === undefined) {
    expect(values).toMatchObject({ operator: { enabled: false } })
    return
  }
  for (const name of Object.keys(set)) expect(names(OPERATOR)).toContain(name)
  expect(loadOperatorConfig(set)).toMatchObject({ identity: 'the-pod', namespace: 'mesh', httpListen: { port: 7080 } })
})

test.for(cases)('$name: `helm test` knows every variable, and dials a name of the certificate', ({ values }) => {
  const manifests = render(values)
  const set = environment(values, 'test') ?? {}
  const { endpoints, tls } = readSettings({ color: false }, set)
  expect(tls).toMatchObject({
    ca: '/etc/landbridge/tls/ca.crt',
    cert: '/etc/landbridge/tls/tls.crt',
    key: expect.any(String),
  })
  const name = 'nameOverride' in values ? values.nameOverride : 'lb'
  expect(endpoints[0]?.split('=')[1]?.split(':')[0]).toBe(`${name}-gateway.mesh.svc`)
  const { LANDBRIDGE_DNS_NAMES: dns } = environment(values, 'certificates') ?? {}
  if (dns !== undefined) expect(dns.split(',')).toContain(`${name}-gateway.mesh.svc`)
  expect(podsOf(manifests).length).toBeGreaterThan(1)
})

test.for(['certificates', 'definitions'])('the hook for %s knows every variable', (component) => {
  const source = readFileSync(join(ROOT, `operator/${component}/main.ts`), 'utf8')
  const set = Object.keys(environment({}, component) ?? {})
  expect(set.length).toBeGreaterThan(0)
  for (const name of set) expect(source).toContain(`'${name}'`)
})

test('the programs that pods start are there', () => {
  // Flags of Node may stand before it.
  const programOf = ({ args }: { readonly args: readonly string[] }) => args.find((arg) => arg.endsWith('.ts')) ?? []
  const programs = podsOf(render()).flatMap(({ spec }) => spec.containers.flatMap(programOf))
  for (const program of programs) expect(readFileSync(join(ROOT, program), 'utf8')).not.toBe('')
  expect(programs).toHaveLength(5)
})
