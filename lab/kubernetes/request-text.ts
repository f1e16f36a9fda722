import { get } from 'node:https'
import { text } from 'node:stream/consumers'

/** Gets a page over TLS with a bearer token. @param access CA as PEM */
export function requestText(
  url: string,
  { ca, token }: { readonly ca: string; readonly token: string },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { ca, headers: { authorization: `Bearer ${token}` }, agent: false }, (response) => {
      if (response.statusCode === 200) return resolve(text(response))
      response.resume()
      reject(new Error(`get ${url}: is ${response.statusCode}, wanted 200`))
    })
    request.on('error', reject)
  })
}
