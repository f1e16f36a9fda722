import type { Grant, Principal } from '@landbridge/core'
import { expect, test } from 'vitest'
import { Quotas } from './quotas.ts'

const GRANT: Grant = { allowed: true, policy: 'acme/a', quota: { eventsPerSecond: 10, bytesPerSecond: 2048 } }

function principal(subject: string, issuer?: string): Principal {
  return { kind: 'jwt', subject, issuer, groups: [], spiffe: undefined, claims: {} }
}

test('a principal has one allowance, whatever token it comes with, and shares it with nobody', () => {
  const quotas = new Quotas(() => 5_000)
  const of = (who: Principal, grant = GRANT) => quotas.of(grant, who, 'publish')
  expect(of(principal('a'))).toBe(of(principal('a')))
  const others = [of(principal('b')), of(principal('a', 'issuer')), of({ ...principal('a'), kind: 'mtls' })]
  others.push(of(principal('a'), { ...GRANT, policy: 'acme/b' }), quotas.of(GRANT, principal('a'), 'subscribe'))
  for (const other of others) expect(other).not.toBe(of(principal('a')))
  expect(of(principal('a'), { allowed: true, policy: 'acme/a' })).toBeUndefined()
})

test('what is too much is refused with the time to wait, by the limit of now', () => {
  let nowMs = 5_000
  const quotas = new Quotas(() => nowMs)
  quotas.of(GRANT, principal('a'), 'publish')?.take(30, 0)
  const refusal = quotas.of(GRANT, principal('a'), 'publish')?.refusal()
  expect(refusal).toMatchObject({ code: 'resource_exhausted', retryAfterMs: 2_000, ambiguous: false })
  expect(refusal?.message).toBe('quota: publish is at its limit of 10 events/s and 2KiB/s, wanted a wait of 2000 ms')
  nowMs += 2_001
  const slower = { ...GRANT, quota: { eventsPerSecond: 1, bytesPerSecond: undefined } }
  const allowance = quotas.of(slower, principal('a'), 'publish')
  expect(allowance?.waitMs).toBe(0)
  allowance?.take(2, 0)
  expect(allowance?.refusal().message).toContain('limit of 1 events/s, wanted a wait of 1999 ms')
})

test('however many principals come, memory is bounded, and debts are forgotten last', () => {
  const quotas = new Quotas(() => 5_000)
  const debtor = quotas.of(GRANT, principal('debtor'), 'publish')
  debtor?.take(100, 0)
  for (let i = 0; i < 25_000; i++) quotas.of(GRANT, principal(`p${i}`), 'publish')
  expect(quotas.of(GRANT, principal('debtor'), 'publish')).toBe(debtor)
})
