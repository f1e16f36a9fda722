import { describe, expect, it } from 'vitest'
import { alignedTable, type DemoProgress, progressLine, progressLines } from './progress.ts'

const progress: DemoProgress = {
  elapsedSeconds: 15,
  durationSeconds: 30,
  phase: 'us-east is down',
  regions: [
    {
      region: 'us-east',
      state: 'down',
      published: 1500,
      publishRate: 150,
      publishedTo: 'eu-west',
      delivered: 900,
      deliverRate: 0,
      lagEvents: undefined,
      lagSeconds: undefined,
    },
    {
      region: 'eu-west',
      state: 'up',
      published: 1500,
      publishRate: 150,
      publishedTo: 'eu-west',
      delivered: 4000,
      deliverRate: 450,
      lagEvents: 12,
      lagSeconds: 0.25,
    },
  ],
}

describe('progressLines', () => {
  it('shows half a bar, each region in a row, and no lag for a region that is down', () => {
    expect(progressLines(progress)).toEqual([
      '███████████████░░░░░░░░░░░░░░░ 15 of 30 s  us-east is down',
      '',
      'region   state   published  per s  stored by  delivered  per s      behind',
      'us-east  ✗ down      1,500    150  eu-west          900      0           -',
      'eu-west  ● up        1,500    150  eu-west        4,000    450  12 (0.3 s)',
      '',
    ])
  })

  it('has a one-line form for logs', () => {
    expect(progressLine(progress)).toContain('us-east down published 1500 delivered 900 behind -')
  })
})

it('alignedTable pads to the widest cell', () => {
  expect(
    alignedTable(
      [
        ['a', 'bb'],
        ['ccc', 'd'],
      ],
      [1],
    ),
  ).toEqual(['a    bb', 'ccc   d'])
})
