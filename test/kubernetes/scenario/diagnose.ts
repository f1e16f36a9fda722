import { REGIONS } from './region.ts'
import type { World } from './world.ts'

const LINES = '60'

/** What helps to see why a step failed: objects, events, and logs of every pod. */
export async function diagnose(world: World): Promise<string> {
  const parts: string[] = []
  const add = async (title: string, ask: Promise<string>): Promise<void> => {
    parts.push(`--- ${title}\n${await ask.catch((error: Error) => error.message)}`)
  }
  await add('nodes', world.kubectl('get', 'nodes', '-o', 'wide'))
  for (const region of REGIONS) {
    const { namespace } = region
    await add(`${namespace}: objects`, world.in(region, 'get', 'pods,jobs,pvc,topics,acl,peers', '-o', 'wide'))
    await add(`${namespace}: events`, world.in(region, 'get', 'events', '--sort-by=.lastTimestamp'))
    const pods = await world.in(region, 'get', 'pods', '-o', 'name').catch(() => '')
    for (const pod of pods.split('\n').filter(Boolean)) {
      await add(`${namespace}: ${pod}`, world.in(region, 'logs', pod, '--tail', LINES))
      const before = await world.in(region, 'logs', pod, '--previous', '--tail', LINES).catch(() => '')
      if (before !== '') parts.push(`--- ${namespace}: ${pod} before its restart\n${before}`)
    }
  }
  return parts.join('\n')
}
