import type { TokenRequest } from '../trust/token-issuer.ts'
import type { Fields } from './fields.ts'

const SIGNINGS = ['issuer', 'none', 'wrong-key', 'unknown-key', 'public-key-as-secret'] as const

/**
 * A token request from JSON, with the same fields.
 * @throws {ControlError} when a field is missing, unknown or of another type
 */
export function readTokenRequest(fields: Fields): TokenRequest {
  const request = {
    groups: fields.optionalTexts('groups'),
    expiresInSeconds: fields.optionalNumber('expiresInSeconds'),
    notBeforeInSeconds: fields.optionalNumber('notBeforeInSeconds'),
    issuer: fields.optionalText('issuer'),
    audience: fields.optionalText('audience'),
    claims: fields.optionalObject('claims'),
    signing: fields.optionalOneOf('signing', SIGNINGS),
  }
  const subject = fields.text('subject')
  fields.finish()
  const given = Object.entries(request).filter(([, value]) => value !== undefined)
  return { ...Object.fromEntries(given), subject }
}
