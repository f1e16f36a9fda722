import type { LabStatus } from '@landbridge/lab'

/** A fault as `POST /v1/faults` of the lab's control API takes it. */
export type FaultRequest = { readonly action: string } & Readonly<Record<string, string | number | boolean>>

/** The lab's control API over HTTP, as anybody outside of the lab's process uses it. */
export class ControlClient {
  readonly #url: string
  readonly #token: string

  constructor(access: { readonly url: string; readonly token: string }) {
    this.#url = access.url
    this.#token = access.token
  }

  /** Carries out one fault; resolves when it is in effect. Rejects with the lab's words. */
  async fault(request: FaultRequest): Promise<LabStatus> {
    const response = await fetch(`${this.#url}/v1/faults`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
    if (!response.ok) throw new Error(`${JSON.stringify(request)}: ${response.status} ${await response.text()}`)
    return (await response.json()) as LabStatus
  }
}
