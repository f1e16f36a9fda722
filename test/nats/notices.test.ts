import { followCreatedStreams, Streams } from '@landbridge/nats'
import { expect, it } from 'vitest'
import { DEAF_USER } from '../nats-server.ts'
import { startRegion } from './fixtures.ts'

/** The error in place of a message made the connection of such a user hear nothing any more, answers included. */
it('a user who may not hear notices of the server does all else', async () => {
  await using region = await startRegion({ config: DEAF_USER })
  const heard: string[] = []
  const stops = [
    new Streams(region.session).watch((stream) => heard.push(stream)),
    followCreatedStreams(region.session, (stream) => heard.push(stream)),
  ]
  await region.makeStream('made')
  expect((await region.ask('STREAM.INFO.made')).error).toBeUndefined()
  for (const stop of stops) stop()
  expect(heard).toEqual([])
})
