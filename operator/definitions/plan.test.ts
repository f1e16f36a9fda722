import { expect, test } from 'vitest'
import { definitionStep, VERSION_ANNOTATION } from './plan.ts'

const OF = (version: string) => ({ annotations: { [VERSION_ANNOTATION]: version } })

test.each([
  [undefined, '0.1.0', 'absent'],
  [{}, '0.1.0', 'apply'],
  [OF('0.1.0'), '0.1.0', 'apply'],
  [OF('0.1.0'), '0.2.0', 'apply'],
  [OF('0.2.0'), '0.1.9', 'newer'],
  [OF('0.9.0'), '0.10.0', 'apply'],
  [OF('1.0.0'), '0.99.99', 'newer'],
  [OF('v1.2.3'), '1.2.3-rc.1', 'apply'],
  [OF('1.2.4-rc.1'), '1.2.3', 'newer'],
  [OF('mine'), '0.1.0', 'apply'],
])('%o is there, %s comes: %s', (found, ours, step) => {
  expect(definitionStep(found, ours)).toBe(step)
})
