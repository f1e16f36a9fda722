import { expect } from './expect.ts'
import type { LoadReport } from './in-pod/load.ts'
import { REGIONS } from './region.ts'
import type { World } from './world.ts'

/**
 * Every acknowledged event is in every region, once. Events of failed calls may be there, once.
 * @returns what was counted
 */
export async function expectEverywhereOnce(
  world: World,
  topic: string,
  source: string,
  { acknowledged }: Pick<LoadReport, 'acknowledged'>,
): Promise<string> {
  for (const region of REGIONS) {
    const { seen } = await world.read(region, topic, source, acknowledged.length)
    const numbers = new Set(seen)
    const lost = acknowledged.filter((number) => !numbers.has(number))
    expect(
      lost.length === 0,
      `${region.name}: ${lost.length} of ${acknowledged.length} acknowledged events are missing, first ${lost.slice(0, 5).join(', ')}`,
    )
    const twice = seen.length - numbers.size
    expect(twice === 0, `${region.name}: ${twice} events came twice`)
  }
  return `${acknowledged.length} acknowledged events are in ${REGIONS.length} regions, each once`
}
