import { MeshError } from '@landbridge/core'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { TokenSource } from './token.ts'

afterEach(() => vi.useRealTimers())

const never = new AbortController().signal
const jwt = (expiresAtMs: number) =>
  `x.${Buffer.from(JSON.stringify({ exp: expiresAtMs / 1000 })).toString('base64url')}.x`

describe('TokenSource', () => {
  test('keeps a token until shortly before it expires, and asks once for all who wait', async () => {
    const provider = vi.fn(async () => jwt(Date.now() + 60_000))
    const source = new TokenSource(provider)
    const tokens = await Promise.all([source.get(never), source.get(never)])
    expect(tokens[0]).toBe(tokens[1])
    await source.get(never)
    expect(provider).toHaveBeenCalledTimes(1)
    source.invalidate()
    await source.get(never)
    expect(provider).toHaveBeenLastCalledWith({ refresh: true })
  })

  test('a provider that does not answer is given up: by the caller at once, by itself after 10 s', async () => {
    vi.useFakeTimers()
    const source = new TokenSource(() => new Promise<string>(() => {}))
    const caller = new AbortController()
    const hurried = source.get(caller.signal)
    const patient = source.get(never)
    caller.abort(new MeshError('deadline_exceeded', 'publish: not done within 500 ms'))
    await expect(hurried).rejects.toMatchObject({ code: 'deadline_exceeded' })
    const failed = expect(patient).rejects.toMatchObject({ code: 'unauthenticated' })
    await vi.advanceTimersByTimeAsync(10_000)
    await failed
  })

  test('a provider that fails says so', async () => {
    const source = new TokenSource(() => Promise.reject(new Error('no network')))
    await expect(source.get(never)).rejects.toMatchObject({
      code: 'unauthenticated',
      message: 'token: the provider failed: no network',
    })
  })
})
