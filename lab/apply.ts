import { type ApplyOutcome, connect } from '@landbridge/client'

/** How to reach a gateway as an administrator. */
export type ApplyAccess = { readonly endpoint: string; readonly caFile: string; readonly token: string }

/**
 * Applies documents (YAML) to one region through a gateway's AdminService. One outcome a document, in order.
 * @throws {Error} when the call fails or any document could not be applied; the text lists which and why
 */
export async function applyDocuments(access: ApplyAccess, documents: string): Promise<readonly ApplyOutcome[]> {
  await using mesh = connect({ endpoints: [access.endpoint], tls: { ca: access.caFile }, token: access.token })
  const outcomes = await mesh.admin.apply(documents)
  const failed = outcomes.filter((outcome) => outcome.action === 'failed')
  if (failed.length > 0) {
    const reasons = failed.map(({ kind, name, error, answeredBy }) => `${answeredBy}: ${kind} ${name}: ${error}`)
    throw new Error(`apply documents: ${failed.length} could not be applied\n${reasons.join('\n')}`)
  }
  return outcomes
}
