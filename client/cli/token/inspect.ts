import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'
import { usageFailure } from '../command-failure.ts'
import { fromNow } from '../words.ts'

/** What a token says; nothing of it is verified. */
export type TokenFacts = {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: JWTPayload
  /** Whether its time allows its use now. */
  readonly state: 'valid' | 'expired' | 'not yet valid' | 'never expires'
  /** The state in words: "valid, expires in 11 hours 58 minutes". */
  readonly validity: string
}

/** Reads a JSON Web Token without verifying it. @throws CommandFailure 'usage' when it is none. */
export function inspectToken(text: string, now: number): TokenFacts {
  const token = text.trim().replace(/^Bearer\s+/i, '')
  try {
    const claims = decodeJwt(token)
    return { header: { ...decodeProtectedHeader(token) }, claims, ...validityOf(claims, now) }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw usageFailure(`token: is no JSON Web Token (${reason}), wanted three base64url parts separated by dots`)
  }
}

function validityOf({ exp, nbf }: JWTPayload, now: number): Pick<TokenFacts, 'state' | 'validity'> {
  if (exp !== undefined && exp * 1_000 <= now) {
    return { state: 'expired', validity: `expired ${fromNow(exp * 1_000, now)}` }
  }
  if (nbf !== undefined && nbf * 1_000 > now) {
    return { state: 'not yet valid', validity: `not valid yet, begins ${fromNow(nbf * 1_000, now)}` }
  }
  if (exp === undefined) return { state: 'never expires', validity: 'never expires: gateways refuse such a token' }
  return { state: 'valid', validity: `valid, expires ${fromNow(exp * 1_000, now)}` }
}
