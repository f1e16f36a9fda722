import { get } from 'node:http'

const ANSWER_MS = 1_000

/** GET of a local URL: the body when the status is 200, undefined for anything else, including no answer within a second. */
export function getIfOk(url: string, signal: AbortSignal): Promise<string | undefined> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)])
  return new Promise((resolve) => {
    const request = get(url, { agent: false, signal: limit }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => resolve(undefined))
      response.on('end', () => resolve(response.statusCode === 200 ? Buffer.concat(chunks).toString() : undefined))
    })
    request.on('error', () => resolve(undefined))
  })
}
