import { join } from 'node:path'
import { issueCertificate } from '@landbridge/client/certs'
import { eventually, expect } from '../expect.ts'
import { CLIENT, CLIENT_ID, clientPod, namespaceOf, natsServers, OBJECTS, valuesOf } from '../manifests.ts'
import { REGIONS, RELEASE, type Region } from '../region.ts'
import type { Step } from '../step.ts'
import type { World } from '../world.ts'

const [FIRST, ...OTHERS] = REGIONS
/** The upgrade later goes from here: see test/charts/testdata/README.md. */
const OLDER_CHART = join(import.meta.dirname, '../../../charts/testdata/landbridge-0.1.0-a8bfac7.tgz')
const CA_SECRET = 'landbridge-ca'
const SERVERS = natsServers(FIRST)
const HOUR_MS = 3_600_000
const SETTLED_MS = 60_000

/** Three releases as three regions that trust the CA which the first one made. */
export const INSTALL: readonly Step[] = [
  {
    name: 'namespaces that admit restricted pods only',
    run: async (world) => {
      await world.apply(REGIONS.map(namespaceOf))
      return REGIONS.map(({ namespace }) => namespace).join(', ')
    },
  },
  {
    name: `helm install ${FIRST.name} from an older chart, with three NATS servers, which makes the CA of the mesh`,
    run: async (world) => {
      await world.helm('install', FIRST, { ...valuesOf(FIRST), extraObjects: rightsOf(FIRST) }, OLDER_CHART)
      return available(world, FIRST)
    },
  },
  {
    name: `the NATS servers of ${FIRST.name} have routes to each other, and a budget that lets one go`,
    run: async (world) => {
      // Ready is a server that knows the leader: its last route may come a moment later, as may the budget's figures.
      for (const name of SERVERS) {
        const wanted = SERVERS.filter((other) => other !== name).join()
        await eventually(`${name}: routes to ${wanted}`, SETTLED_MS, async () =>
          (await peersOf(world, name)).join() === wanted ? true : undefined,
        )
      }
      await eventually('a budget that allows one disruption', SETTLED_MS, async () => {
        const allowed = await world.in(FIRST, 'get', OBJECTS.natsBudget, '-o', 'jsonpath={.status.disruptionsAllowed}')
        return allowed === '1' ? true : undefined
      })
      return SERVERS.join(', ')
    },
  },
  {
    name: `helm install ${OTHERS.map(({ name }) => name).join(' and ')} with a copy of that CA`,
    run: async (world) => {
      const { data, type } = JSON.parse(await world.in(FIRST, 'get', 'secret', CA_SECRET, '-o', 'json'))
      const copyFor = ({ namespace }: Region): object => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: CA_SECRET, namespace },
        type,
        data,
      })
      await world.apply(OTHERS.map(copyFor))
      for (const region of OTHERS) await world.helm('install', region, valuesOf(region))
      const seen = await Promise.all(OTHERS.map((region) => available(world, region)))
      return seen.join('; ')
    },
  },
  {
    name: 'pods of a service in every region, with a certificate of the mesh',
    run: async (world) => {
      const ca = JSON.parse(await world.in(FIRST, 'get', 'secret', CA_SECRET, '-o', 'json')).data
      const pem = (key: string): string => Buffer.from(ca[key], 'base64').toString()
      const authority = { cert: pem('tls.crt'), certName: CA_SECRET, key: pem('tls.key'), keyName: CA_SECRET }
      const request = { name: 'shop', dns: [], ips: [], uris: [CLIENT_ID], use: 'client', validForMs: HOUR_MS } as const
      const { cert, key } = await issueCertificate(authority, request, Date.now())
      const tls = { 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.cert }
      const image = await world.in(FIRST, 'get', OBJECTS.gateways, '-o', 'jsonpath={..containers[0].image}')
      await world.apply(REGIONS.flatMap((region) => [...clientPod(region, image, tls)]))
      await Promise.all(
        REGIONS.map((region) => world.in(region, 'wait', `pod/${CLIENT}`, '--for=condition=Ready', '--timeout=5m')),
      )
      return image
    },
  },
]

/** The older chart lets its operator patch a status. There are no images of that time: today's operator replaces it. */
function rightsOf({ namespace }: Region): readonly object[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1'
  const metadata = { name: 'today', namespace }
  const resources = ['topics/status', 'accesspolicies/status', 'regionpeers/status']
  return [
    { apiVersion, kind: 'Role', metadata, rules: [{ apiGroups: ['landbridge.dev'], resources, verbs: ['update'] }] },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: `${RELEASE}-operator`, namespace }],
    },
  ]
}

/** The other servers that a NATS server has routes to, sorted. */
async function peersOf(world: World, server: string): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${FIRST.namespace}/pods/${server}:8222/proxy/routez`
  const { routes }: { readonly routes: readonly { readonly remote_name: string }[] } = JSON.parse(
    await world.kubectl('get', '--raw', path),
  )
  return [...new Set(routes.map(({ remote_name }) => remote_name))].sort()
}

async function available(world: World, region: Region): Promise<string> {
  const count = async (object: string): Promise<number> =>
    Number(await world.in(region, 'get', object, '-o', 'jsonpath={.status.readyReplicas}'))
  const ready = { gateways: await count(OBJECTS.gateways), nats: await count(OBJECTS.nats) }
  expect(
    ready.gateways === 2 && ready.nats === region.replicas,
    `${region.name}: ready are ${JSON.stringify(ready)}, wanted 2 and ${region.replicas}`,
  )
  const operators = await count(OBJECTS.operator)
  expect(operators === 1, `${region.name}: ready operators are ${operators}, wanted 1`)
  return `${region.name} has ${ready.gateways} gateways, an operator, ${ready.nats} NATS ${ready.nats === 1 ? 'server' : 'servers'}`
}
