import { expect, it } from 'vitest'
import { killWhileStarting, type Starter } from './start-again.ts'

/** One process that is ready `startMs` after each start; keeps the steps that were taken. */
function processOf(startMs: number) {
  const steps: string[] = []
  let starting: PromiseWithResolvers<void> | undefined
  let runs = false
  const process: Starter = {
    start: async () => {
      if (runs) return
      steps.push('start')
      const mine = Promise.withResolvers<void>()
      starting = mine
      setTimeout(() => mine.resolve(), startMs)
      await mine.promise
      runs = true
      steps.push('ready')
    },
    kill: async () => {
      steps.push('kill')
      runs = false
      starting?.reject(new Error('killed'))
      return []
    },
  }
  return { steps, process }
}

it('kills a process before it is ready, and starts it for good', async () => {
  const { steps, process } = processOf(200)
  await killWhileStarting(process, { role: 'gateway', index: 0, againAfterMs: 20 })
  expect(steps).toEqual(['start', 'kill', 'start', 'ready'])
})

it('kills a process that has just become ready, and starts it for good', async () => {
  const { steps, process } = processOf(1)
  await killWhileStarting(process, { role: 'nats', index: 0, againAfterMs: 100 })
  expect(steps).toEqual(['start', 'ready', 'kill', 'start', 'ready'])
})

it('fails when the process does not come up any more', async () => {
  const { process } = processOf(1)
  const dead: Starter = { ...process, start: async () => Promise.reject(new Error('no room')) }
  await expect(killWhileStarting(dead, { role: 'nats', index: 0, againAfterMs: 1 })).rejects.toThrow('no room')
})
