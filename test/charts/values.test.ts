import { expect, test } from 'vitest'
import { CHART, lint, MINIMAL, refusal, runHelm, withValues } from './helm.ts'
import { MATRIX } from './matrix.ts'

/** Values that are wrong, and what helm says about them. */
const WRONG: readonly { readonly values: object; readonly says: string }[] = [
  { values: { region: '' }, says: 'region: is empty, wanted the name of this region, such as us-east' },
  { values: { region: 'US_EAST' }, says: "at '/region': 'US_EAST' does not match pattern" },
  { values: { gateways: { replicas: 2 } }, says: "at '': additional properties 'gateways' not allowed" },
  { values: { gateway: { replica: 2 } }, says: "at '/gateway': additional properties 'replica' not allowed" },
  { values: { gateway: { replicas: 'two' } }, says: "at '/gateway/replicas': got string, want integer" },
  { values: { gateway: { replicas: 0 } }, says: "at '/gateway/replicas': minimum: got 0, want 1" },
  { values: { gateway: { resources: { limit: {} } } }, says: "at '/gateway/resources': additional properties 'limit'" },
  { values: { gateway: { extraEnv: [{ value: 'a' }] } }, says: "at '/gateway/extraEnv/0': missing property 'name'" },
  { values: { gateway: { extraEnv: { A: 'a' } } }, says: "at '/gateway/extraEnv': got object, want array" },
  {
    values: { gateway: { service: { type: 'ExternalName' } } },
    says: "at '/gateway/service/type': value must be one of",
  },
  { values: { gateway: { service: { port: 70_000 } } }, says: "at '/gateway/service/port': maximum: got 70,000" },
  { values: { nats: { replicas: 2 } }, says: "at '/nats/replicas': value must be one of 1, 3" },
  { values: { nats: { syncInterval: 'never' } }, says: "at '/nats/syncInterval': 'never' does not match pattern" },
  { values: { nats: { storage: { size: '10GB' } } }, says: "at '/nats/storage/size': '10GB' does not match pattern" },
  { values: { auth: { admins: ['alice'] } }, says: "at '/auth/admins/0': 'alice' does not match pattern" },
  { values: { certificates: { mode: 'none' } }, says: "at '/certificates/mode': value must be one of" },
  { values: { image: { digest: 'sha256:abc' } }, says: "at '/image/digest': 'sha256:abc' does not match pattern" },
  { values: { image: { tag: 'latest' } }, says: 'image.tag: is latest, wanted a version' },
  { values: { nats: { image: { tag: 'latest' } } }, says: 'nats.image.tag: is latest, wanted a version' },
  { values: { nats: { image: { tag: '' } } }, says: "at '/nats/image/tag': minLength: got 0, want 1" },
]

test.for(WRONG)('$values is refused: $says', ({ values, says }) => {
  expect(refusal({ ...MINIMAL, ...values })).toContain(says)
})

test("what helm hands to every chart is no mistake of the user's", () => {
  expect(refusal({ ...MINIMAL, global: { anything: 1 } })).toBe('')
})

test('lint refuses, too', () => {
  expect(lint({ ...MINIMAL, gateway: { replicas: 'two' } }).status).not.toBe(0)
})

/** NOTES.txt, as helm shows it after an installation. */
function notes(values: object): string {
  return withValues({ ...MINIMAL, ...values }, (file) => {
    const args = ['install', 'lb', CHART, '--namespace', 'mesh', '--values', file, '--dry-run=client']
    const { stdout, stderr, status } = runHelm(args)
    expect(status, stderr).toBe(0)
    return stdout.slice(stdout.indexOf('NOTES:'))
  })
}

const NOTES: readonly { readonly of: string; readonly say: readonly string[]; readonly never: string }[] = [
  { of: 'defaults', say: ['lb-gateway.mesh.svc:7443', 'get secret landbridge-ca'], never: 'WARNING' },
  {
    of: 'trying out',
    say: ['nats.storage.ephemeral', 'nats.syncInterval is 2m', 'networkPolicy.enabled'].map((it) => `WARNING: ${it}`),
    never: 'get service',
  },
  { of: 'no operator', say: ['landbridge apply -f'], never: 'kubectl get topics' },
  { of: 'given certificates', say: ['Other regions'], never: 'made for trying out' },
  { of: 'load balancer', say: ['get service lb-gateway', 'lb-gateway.mesh.svc:443'], never: 'a token of' },
  { of: 'tokens', say: ['a token of https://issuer.example'], never: 'WARNING' },
]

test.for(NOTES)('$of: the notes say what to do next, and warn of what may cost events', ({ of, say, never }) => {
  const text = notes(MATRIX[of] ?? {})
  for (const words of say) expect(text).toContain(words)
  expect(text).not.toContain(never)
})
