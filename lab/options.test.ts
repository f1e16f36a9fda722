import { expect, test } from 'vitest'
import { labSettings } from './options.ts'

test('everything has a default', () => {
  const settings = labSettings({})
  expect(settings).toMatchObject({ gateways: 1, syncInterval: 'always', mesh: 'landbridge.local' })
  expect(settings.regions).toEqual(['us-east', 'eu-west', 'ap-south'])
  expect(settings.gatewayEnv('us-east', 0)).toEqual({})
  expect(settings.nodesOf('us-east')).toBe(1)
})

test('regions may have different numbers of nodes', () => {
  const { nodesOf } = labSettings({ nodes: { 'us-east': 3 } })
  expect(['us-east', 'eu-west'].map(nodesOf)).toEqual([3, 1])
})

test('the environment of gateways may depend on which one it is', () => {
  const { gatewayEnv } = labSettings({ gatewayEnv: (region, index) => ({ NAME: `${region}-${index}` }) })
  expect(gatewayEnv('one', 2)).toEqual({ NAME: 'one-2' })
})

test.each([
  [{ regions: [] }, 'there are 0 regions, wanted 1 to 9'],
  [{ regions: ['one', 'one'] }, 'wanted different names'],
  [{ regions: ['Not A Label'] }, 'start lab: '],
  [{ nodes: 2 as 1 }, 'nodes is 2, wanted 1 or 3'],
  [{ nodes: { 'us-east': 5 as 1 } }, 'nodes is 5, wanted 1 or 3'],
  [{ gateways: 10 }, 'gateways is 10, wanted 0 to 9'],
  [{ gateways: 0.5 }, 'gateways is 0.5, wanted 0 to 9'],
])('%j is refused', (options, reason) => {
  expect(() => labSettings(options)).toThrow(reason)
})
