import { readFile } from 'node:fs/promises'
import { create } from '@bufbuild/protobuf'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { AdminService, ApplyAction, ApplyRequestSchema, type ApplyResponse, grpcMethods } from '@landbridge/proto'

const APPLY_MS = 30_000

/** How to reach a gateway as an administrator. */
export type ApplyAccess = { readonly endpoint: string; readonly caFile: string; readonly token: string }

/** What one region did with the documents. */
export type AppliedDocuments = {
  readonly region: string
  /** One a document, in order. */
  readonly outcomes: readonly {
    readonly kind: string
    /** "<tenant>/<name>", or "<name>" of a RegionPeer. */
    readonly name: string
    readonly changes: readonly string[]
  }[]
}

/**
 * Applies documents (YAML) to one region through a gateway's AdminService.
 * @throws {Error} when the call fails or any document could not be applied; the text lists which and why
 */
export async function applyDocuments(access: ApplyAccess, documents: string): Promise<AppliedDocuments> {
  const method = grpcMethods(AdminService).apply
  const metadata = new Metadata({ waitForReady: true })
  metadata.set('authorization', `Bearer ${access.token}`)
  const client = new Client(access.endpoint, credentials.createSsl(await readFile(access.caFile)))
  try {
    const response = await new Promise<ApplyResponse>((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        create(ApplyRequestSchema, { documents }),
        metadata,
        { deadline: Date.now() + APPLY_MS },
        (error, answer) => {
          if (error !== null)
            reject(new Error(`apply documents to ${access.endpoint}: ${error.message}`, { cause: error }))
          else if (answer === undefined)
            reject(new Error(`apply documents to ${access.endpoint}: no answer, wanted outcomes`))
          else resolve(answer)
        },
      )
    })
    const failed = response.outcomes.filter((outcome) => outcome.action === ApplyAction.FAILED)
    if (failed.length > 0) {
      const reasons = failed.map((outcome) => `${outcome.kind} ${outcome.name}: ${outcome.error}`).join('\n')
      throw new Error(`apply documents in ${response.region}: ${failed.length} could not be applied\n${reasons}`)
    }
    return {
      region: response.region,
      outcomes: response.outcomes.map(({ kind, name, changes }) => ({ kind, name, changes })),
    }
  } finally {
    client.close()
  }
}
