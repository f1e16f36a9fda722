import { type EventInput, type Mesh, PublishFailure, type PublishOutcome, type Receipt } from '../../index.ts'

/** Publishes events and tells what became of each. @throws MeshError when nothing was tried. */
export async function publishAll(
  mesh: Pick<Mesh, 'publish'>,
  topic: string,
  events: readonly EventInput[],
  signal: AbortSignal,
): Promise<readonly PublishOutcome<Receipt>[]> {
  try {
    const receipts = await mesh.publish(topic, events, { signal })
    return receipts.map((receipt) => ({ receipt }))
  } catch (error) {
    if (isPublishFailure(error)) return error.outcomes
    throw error
  }
}

function isPublishFailure(error: unknown): error is PublishFailure<Receipt> {
  return error instanceof PublishFailure
}
