import { describe, expect, test } from 'vitest'
import { formatDocument, parseDocuments } from './parse.ts'

function topic(replication: string, more = ''): string {
  return `
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: orders }
spec: { replication: ${replication}${more} }
`
}

describe('what leaves a region, in a Topic', () => {
  test('is read, and written as it was', () => {
    const text = topic(
      `{ filter: 'event.type != "internal"', masks: [{ path: data.email, action: hash }], classifications: [{ classification: pii, regions: [eu-west, eu-north] }] }`,
    )
    const [document] = parseDocuments(text).value ?? []
    expect(document?.kind === 'Topic' && document.spec.egress).toEqual({
      filter: 'event.type != "internal"',
      masks: [{ path: 'data.email', action: 'hash' }],
      classifications: [{ classification: 'pii', regions: ['eu-north', 'eu-west'] }],
    })
    expect(document && parseDocuments(formatDocument(document)).value).toEqual([document])
  })

  test('is not written when nobody asked for it', () => {
    const [document] = parseDocuments(topic('{ regions: [eu-west] }')).value ?? []
    expect(document && formatDocument(document)).toContain('  replication:\n    regions:\n      - eu-west\n  owner')
  })

  test.each([
    ['no CEL', `{ filter: 'event.' }`, /replication.filter: is wrong/],
    ['CEL that is no boolean', `{ filter: '1 + 1' }`, /replication.filter: is of type int, wanted bool/],
    ['a variable that filters do not have', `{ filter: 'region == "x"' }`, /replication.filter: is wrong.*region/],
    ['an empty filter', `{ filter: '' }`, /replication.filter: is empty/],
    [
      'a long filter',
      `{ filter: '${'!'.repeat(5_000)}true' }`,
      /replication.filter: is ".*", wanted a text of at most 4096/,
    ],
    ['a function that may stall', `{ filter: 'event.id.matches("(a+)+b")' }`, /replication.filter: calls matches\(\)/],
    [
      'the product of two lists',
      `{ filter: 'data.a.exists(x, x in data.b)' }`,
      /replication.filter: looks at data within a list operation, wanted nothing but its element x/,
    ],
    [
      'the product of a list with itself',
      `{ filter: 'data.exists(x, x.exists(y, y == x))' }`,
      /replication.filter: looks at x within a list operation, wanted nothing but its element y/,
    ],
    ['a mask of an attribute', '{ masks: [{ path: subject, action: drop }] }', /masks\[0\].path: cannot be read/],
    ['a mask without an action', '{ masks: [{ path: data.x }] }', /masks\[0\].action: is missing/],
    ['an action nobody knows', '{ masks: [{ path: data.x, action: blur }] }', /masks\[0\].action: is "blur"/],
    ['a hash of everything', '{ masks: [{ path: data, action: hash }] }', /masks\[0\].action: is not "drop"/],
    [
      'a path twice',
      '{ masks: [{ path: data.x, action: hash }, { path: data.x, action: drop }] }',
      /masks: has "data.x" again/,
    ],
    ['a long path', `{ masks: [{ path: data${'.x'.repeat(17)}, action: drop }] }`, /masks\[0\].path: has 17 steps/],
    [
      'a classification for nowhere',
      '{ classifications: [{ classification: x, regions: [] }] }',
      /regions: is a list of 0/,
    ],
    ['a classification without a name', '{ classifications: [{ regions: [a] }] }', /classification: is missing/],
    [
      'two rules for one classification',
      '{ classifications: [{ classification: x, regions: [a] }, { classification: x, regions: [b] }] }',
      /classifications: has "x" again/,
    ],
  ])('refuses %s', (_, replication, problem) => {
    expect(parseDocuments(topic(replication)).error?.message).toMatch(problem)
  })

  test('refuses a quorum that events could never reach', () => {
    const quorum = ', durability: quorum'
    const message = (replication: string, more: string) => parseDocuments(topic(replication, more)).error?.message
    expect(message(`{ filter: 'true' }`, quorum)).toMatch(/spec.durability: is "quorum", but replication.filter keeps/)
    const masks = '{ masks: [{ path: data.x, action: drop }] }'
    expect(message(masks, quorum)).toMatch(/spec.durability: is "quorum", but replication.masks leave no other region/)
    const one = '{ classifications: [{ classification: pii, regions: [eu-west] }] }'
    expect(message(one, quorum)).toMatch(/spec.durability: is "quorum", but only eu-west may hold "pii"/)
    expect(message(one, `${quorum}, quorumFallback: degrade`)).toBeUndefined()
    expect(message('{ classifications: [{ classification: x, regions: ["*"] }] }', quorum)).toBeUndefined()
  })
})
