import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseJwks, thumbprintOf } from './jwks.ts'

describe('JWK set', () => {
  it('has the thumbprint that RFC 7638 shows', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
    const jwks = JSON.stringify({ keys: [{ kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' }] })
    expect([...(parseJwks(jwks).value ?? [])]).toEqual(['NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'])
  })

  it.each(['P-256', 'P-384'])('knows its %s keys again, and no other', (namedCurve) => {
    const [one, other] = [generateKeyPairSync('ec', { namedCurve }), generateKeyPairSync('ec', { namedCurve })]
    const set = parseJwks(JSON.stringify({ keys: [one.publicKey.export({ format: 'jwk' })] })).value
    expect(set?.has(thumbprintOf(one.publicKey) ?? '')).toBe(true)
    expect(set?.has(thumbprintOf(other.publicKey) ?? '')).toBe(false)
  })
})
