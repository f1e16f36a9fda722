import { describe, expect, it } from 'vitest'
import { ServerError } from './server-error.ts'

describe('ServerError', () => {
  it.each([
    ['too large', { code: 400, err_code: 10054 }, 'invalid_argument', undefined],
    ['a stream that cannot be made', { code: 400, err_code: 10052 }, 'failed_precondition', undefined],
    ['a refusal that nobody foresaw', { code: 400, err_code: 19_999 }, 'internal', undefined],
    ['a failure that nobody foresaw', { code: 500, err_code: 19_999 }, 'unavailable', 250],
    ['no leader', { code: 503 }, 'unavailable', 250],
    ['nothing there', { code: 404, err_code: 19_999 }, 'not_found', undefined],
  ])('%s', (_, body, code, retryAfterMs) => {
    expect(new ServerError('store', body)).toMatchObject({ code, retryAfterMs, ambiguous: false })
  })
})
