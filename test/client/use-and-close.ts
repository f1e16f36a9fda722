import { connect } from '@landbridge/client'

/**
 * A whole program: publishes, streams and subscribes, then closes its client. It has no other reason to go on, so the
 * process ends unless the client left something open.
 */
const { ENDPOINT = '', AWAY = '', CA = '', TOKEN = '', TOPIC = '' } = process.env
const mesh = connect({ endpoints: [ENDPOINT, AWAY], tls: { ca: CA }, token: TOKEN, source: 'urn:service:leaver' })
await mesh.publish(TOPIC, { type: 'probe' })
const stream = mesh.publishStream(TOPIC)
await (await stream.send({ type: 'probe' })).acknowledged
const reader = mesh.subscribe(TOPIC, { from: 'earliest' })
await reader.next()
const worker = mesh.subscribe(TOPIC, { from: 'earliest', group: 'leavers' })
// Left open and unsettled: closing the client ends them too.
await worker.next()
await mesh.close()
process.stdout.write('closed\n')
