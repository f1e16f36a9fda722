import { expect, test } from 'vitest'
import { namesOf, one, render } from './helm.ts'
import { MATRIX } from './matrix.ts'

type Policy = {
  readonly policyTypes: readonly string[]
  readonly ingress: readonly {
    readonly ports: readonly { readonly port: string }[]
    readonly from?: readonly object[]
  }[]
}

/** Who may reach a port; undefined: everyone. */
function fromOf(values: object, policy: string, port: string) {
  const { ingress, policyTypes } = one(render({ ...values }), 'NetworkPolicy', policy).spec as Policy
  expect(policyTypes).toEqual(['Ingress'])
  const rules = ingress.filter(({ ports }) => ports.some((it) => it.port === port))
  expect(rules.length).toBeGreaterThan(0)
  return rules.some(({ from }) => from === undefined) ? undefined : rules.flatMap(({ from = [] }) => from)
}

function pods(component: string): object {
  const labels = { 'app.kubernetes.io/name': 'landbridge', 'app.kubernetes.io/instance': 'lb' }
  return { podSelector: { matchLabels: { ...labels, 'app.kubernetes.io/component': component } } }
}

test('nobody but gateways, operator and its own servers reaches the embedded NATS', () => {
  expect(fromOf({}, 'lb-nats', 'nats')).toEqual([pods('gateway'), pods('operator'), pods('nats')])
  expect(fromOf({}, 'lb-nats', 'cluster')).toEqual([pods('nats')])
})

test('clients and monitoring come from everywhere, unless told', () => {
  expect(fromOf({}, 'lb-gateway', 'grpc')).toBeUndefined()
  for (const name of ['lb-gateway', 'lb-operator']) expect(fromOf({}, name, 'http')).toBeUndefined()
  const told = MATRIX['network policies'] ?? {}
  expect(fromOf(told, 'lb-gateway', 'grpc')).toEqual([
    // `helm test` goes the way of a client.
    pods('test'),
    { namespaceSelector: { matchLabels: { team: 'mesh' } } },
  ])
  for (const [name, port] of [
    ['lb-gateway', 'http'],
    ['lb-operator', 'http'],
    ['lb-nats', 'monitor'],
  ] as const) {
    expect(fromOf(told, name, port)).toEqual([{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }])
  }
})

test('there is a policy for what there is, and none when they are off', () => {
  const policies = (values: object) => namesOf(render({ ...values })).filter((name) => name.startsWith('NetworkPolicy'))
  expect(policies({})).toEqual(['gateway', 'nats', 'operator'].map((name) => `NetworkPolicy/lb-${name}`))
  expect(policies(MATRIX['network policies of an external NATS'] ?? {})).toEqual(['NetworkPolicy/lb-gateway'])
  expect(policies({ networkPolicy: { enabled: false } })).toEqual([])
})
