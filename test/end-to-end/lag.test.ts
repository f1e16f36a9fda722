import { connect, type Mesh, type TopicLag } from '@landbridge/client'
import { type Lab, startLab } from '@landbridge/lab'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { connectFrom, documents, topic } from './mesh.ts'

const settled = { timeout: 40_000, interval: 100 }

/** Lag as the regions tell it, and as they measure it. */
describe('lag', { timeout: 120_000 }, () => {
  let lab: Lab
  let admin: Mesh
  let writer: Mesh

  beforeAll(async () => {
    lab = await startLab({ regions: ['us-east', 'eu-west', 'ap-south'], documents: documents(2) })
    const endpoints = lab.regions.flatMap(({ name, endpoints }) =>
      endpoints.map((address) => ({ address, region: name })),
    )
    admin = connect({ endpoints, tls: { ca: lab.caFile }, token: () => lab.adminToken() })
    writer = connectFrom(lab, 'us-east')
  }, 60_000)
  afterAll(async () => {
    await admin?.close()
    await writer?.close()
    await lab?.close()
  })

  /** How far a region is behind an origin. */
  async function lagOf(region: string, origin = 'us-east'): Promise<TopicLag> {
    const lags = await admin.admin.lag(topic, { endpoint: region, timeoutMs: 5_000 })
    const lag = lags.find((row) => row.origin === origin)
    if (lag === undefined) throw new Error(`${region} does not tell of ${origin}`)
    return lag
  }

  /** What a region's gateway shows to be scraped. */
  async function metricsOf(region: string): Promise<string> {
    const [endpoint] = lab.region(region).httpEndpoints
    return (await fetch(`${endpoint}/metrics`)).text()
  }

  const labels = `{topic="${topic}",origin="us-east"}`
  const publish = () => writer.publish(topic, { type: 't', partitionKey: 'k', data: 'x' })

  test('nothing is behind when all is well, and the watermark goes on while nothing is published', async () => {
    const [receipt] = await publish()
    const stored = receipt?.sequence
    await vi.waitFor(async () => {
      for (const region of ['eu-west', 'ap-south']) {
        expect(await lagOf(region)).toMatchObject({
          known: true,
          events: 0,
          seconds: 0,
          appliedSequence: stored,
          headSequence: stored,
          upstream: 'us-east',
          gateway: expect.any(String),
          problem: undefined,
          gaps: 0,
        })
      }
    }, settled)
    const publishedMs = Date.now()
    const idle = async () => {
      for (const origin of ['us-east', 'ap-south']) {
        expect(Number((await lagOf('eu-west', origin)).watermark)).toBeGreaterThan(publishedMs)
      }
    }
    await vi.waitFor(idle, settled)
  })

  test('a relay’s word counts: the origin’s end is known through it, and the row says where events come from', async () => {
    await lab.partition('us-east', 'eu-west')
    const [receipt] = await publish()
    await vi.waitFor(async () => {
      expect(await lagOf('eu-west')).toMatchObject({
        known: true,
        events: 0,
        headSequence: receipt?.sequence,
        upstream: 'ap-south',
      })
    }, settled)
    await lab.heal('us-east', 'eu-west')
    await lab.heal('eu-west', 'us-east')
    await vi.waitFor(async () => expect(await lagOf('eu-west')).toMatchObject({ upstream: 'us-east' }), settled)
  })

  test.each<[what: string, harm: () => Promise<unknown>, heal: () => Promise<unknown>]>([
    [
      'a region that nobody reaches',
      () => Promise.all([lab.partition('us-east', 'eu-west'), lab.partition('us-east', 'ap-south')]),
      () =>
        Promise.all(
          ['eu-west', 'ap-south'].flatMap((other) => [lab.heal('us-east', other), lab.heal(other, 'us-east')]),
        ),
    ],
    [
      'a gateway that is paused',
      () => lab.region('us-east').pause('gateway'),
      () => lab.region('us-east').resume('gateway'),
    ],
    [
      'a store that is dead, behind a gateway that is not',
      () => lab.region('us-east').kill('nats'),
      () => lab.region('us-east').start('nats'),
    ],
  ])('%s: nobody knows the lag, the others say why, and the watermark stands', async (_, harm, heal) => {
    await harm()
    const harmedMs = Date.now()
    await vi.waitFor(async () => {
      for (const region of ['eu-west', 'ap-south']) {
        expect(await lagOf(region)).toMatchObject({
          known: false,
          problem: expect.stringMatching(/us-east|no gateway/),
        })
      }
    }, settled)
    const { watermark } = await lagOf('eu-west')
    expect(Number(watermark)).toBeLessThan(harmedMs + 1_000)
    // The other origin is not touched by it.
    expect(await lagOf('eu-west', 'ap-south')).toMatchObject({ known: true, events: 0 })
    await heal()
    await vi.waitFor(async () => {
      await publish()
      for (const region of ['eu-west', 'ap-south']) {
        expect(await lagOf(region)).toMatchObject({ known: true, upstream: 'us-east', problem: undefined })
      }
    }, settled)
    await vi.waitFor(async () => {
      expect(Number((await lagOf('eu-west')).watermark)).toBeGreaterThan(Number(watermark))
    }, settled)
  })

  test('a region that cannot store tells exactly how many events it lacks, for how long, and none once it can', async () => {
    const HELD = 25
    await vi.waitFor(async () => expect(await lagOf('eu-west')).toMatchObject({ known: true, events: 0 }), settled)
    const { appliedSequence } = await lagOf('eu-west')
    await lab.region('eu-west').pause('nats')
    const receipts = await writer.publish(
      topic,
      Array.from({ length: HELD }, () => ({ type: 't', partitionKey: 'k', data: 'x' })),
    )
    const storedMs = Date.now()
    const behind = {
      known: true,
      events: HELD,
      appliedSequence,
      headSequence: receipts.at(-1)?.sequence,
      upstream: 'us-east',
      problem: undefined,
    }
    // The gateway believes for some seconds that its store may still answer; this is shorter.
    const held = { timeout: 4_000, interval: 50 }
    const early = await vi.waitFor(async () => {
      const lag = await lagOf('eu-west')
      expect(lag).toMatchObject(behind)
      return lag
    }, held)
    const late = await vi.waitFor(async () => {
      const lag = await lagOf('eu-west')
      expect(lag.seconds).toBeGreaterThan(early.seconds + 0.5)
      return lag
    }, held)
    expect(late).toMatchObject(behind)
    expect(late.seconds).toBeLessThan((Date.now() - storedMs) / 1_000 + 1)
    expect(Number(late.watermark)).toBeLessThan(storedMs)
    const text = await metricsOf('eu-west')
    expect(text).toContain(`landbridge_replication_lag_events${labels} ${HELD}`)
    expect(text).toContain(`landbridge_replication_lag_unknown${labels} 0`)
    // It holds back nobody else.
    const elsewhere = async () => expect(await lagOf('ap-south')).toMatchObject({ known: true, events: 0, seconds: 0 })
    await vi.waitFor(elsewhere, settled)
    await lab.region('eu-west').resume('nats')
    await vi.waitFor(async () => {
      const caughtUp = { ...behind, events: 0, seconds: 0, appliedSequence: behind.headSequence }
      const lag = await lagOf('eu-west')
      expect(lag).toMatchObject(caughtUp)
      expect(Number(lag.watermark)).toBeGreaterThanOrEqual(Number(late.watermark))
    }, settled)
  })

  test('metrics tell the same', async () => {
    await vi.waitFor(async () => {
      const text = await metricsOf('eu-west')
      expect(text).toContain(`landbridge_replication_lag_events${labels} 0`)
      expect(text).toContain(`landbridge_replication_lag_unknown${labels} 0`)
      const watermark = Number(
        new RegExp(`^landbridge_topic_watermark_seconds{topic="${topic}"} (.*)$`, 'm').exec(text)?.[1],
      )
      expect(watermark).toBeGreaterThan(Date.now() / 1_000 - 120)
      expect(watermark).toBeLessThan(Date.now() / 1_000 + 1)
    }, settled)
  })
})
