import type { Lab } from '@landbridge/lab'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

/** Deletes an event in the middle of the last region's stream, behind the mesh's back. Returns what was done, in words. */
export async function plantLoss(lab: Lab, stream: string): Promise<string> {
  const region = lab.regions.at(-1)
  const url = region?.natsUrls[0]
  if (region === undefined || url === undefined) throw new Error('plant a loss: there is no region, wanted one')
  const connection = await connect({ servers: url })
  try {
    const manager = await jetstreamManager(connection)
    const { state } = await manager.streams.info(stream)
    const sequence = Math.floor((state.first_seq + state.last_seq) / 2)
    await manager.streams.deleteMessage(stream, sequence)
    return `planted a loss: deleted sequence ${sequence} of ${region.name}`
  } finally {
    await connection.close()
  }
}
