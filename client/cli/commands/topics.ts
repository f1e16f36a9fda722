import { formatBytes, formatDuration } from '@landbridge/core'
import type { Command } from 'commander'
import type { TopicInfo } from '../../index.ts'
import { targetsOf, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { topicArgument } from '../option-values.ts'
import type { Column } from '../table.ts'
import { bytesText, countText } from '../words.ts'
import { addDeleteTopicCommand } from './delete-topic.ts'

type RegionFlag = { readonly region?: string }

/** `landbridge topics`: what topics there are, and what a region holds of them. */
export function addTopicsCommand(program: Command, context: Context): void {
  const topics = program.command('topics').description('list topics, look at one, or delete one')
  topics
    .command('list', { isDefault: true })
    .description('topics that you may publish to or subscribe to')
    .argument('[tenant]', 'only those of this tenant')
    .option('--region <name>', 'ask this region (default: the first that answers)')
    .addHelpText('after', '\nExamples:\n  landbridge topics\n  landbridge topics list acme -o json | jq -r .[].name')
    .action(async (tenant: string | undefined, flags: RegionFlag, command: Command) => {
      await withMesh(command, context, async ({ mesh, settings, printer }) => {
        const rows = await mesh.topics.list({
          tenant,
          endpoint: endpointOf(settings, flags),
          signal: context.signal,
        })
        const empty = `No topics${tenant === undefined ? '' : ` of ${tenant}`} that you may use.`
        await printer.list({ columns: COLUMNS, rows, json: (topic) => topic, empty })
      })
    })
  topics
    .command('get')
    .description('one topic, and what the region that answers holds of it')
    .argument('<topic>', '<tenant>/<topic>', topicArgument)
    .option('--region <name>', 'ask this region (default: the first that answers)')
    .addHelpText('after', '\nExample:\n  landbridge topics get acme/orders.created --region eu-west')
    .action(async (name: string, flags: RegionFlag, command: Command) => {
      await withMesh(command, context, async ({ mesh, settings, printer }) => {
        const options = { endpoint: endpointOf(settings, flags), signal: context.signal }
        const topic = await mesh.topics.get(name, options)
        await printer.record(linesOf(topic), topic)
      })
    })
  addDeleteTopicCommand(topics, context)
}

function endpointOf(settings: Parameters<typeof targetsOf>[0], { region }: RegionFlag): string | undefined {
  return region === undefined ? undefined : targetsOf(settings, region)[0]
}

const COLUMNS: readonly Column<TopicInfo>[] = [
  { title: 'TOPIC', text: (topic) => topic.name },
  { title: 'EVENTS', text: (topic) => countText(topic.eventCount), align: 'right' },
  { title: 'SIZE', text: (topic) => bytesText(topic.bytes), align: 'right' },
  { title: 'PARTITIONS', text: (topic) => String(topic.partitions), align: 'right' },
  { title: 'REGIONS', text: regionsText },
  { title: 'OWNER', text: (topic) => topic.owner },
  { title: 'DESCRIPTION', text: (topic) => topic.description },
]

function linesOf(topic: TopicInfo): readonly (readonly [string, string])[] {
  const { eventCount, firstSequence, lastSequence } = topic
  const held = eventCount === 0 ? 'none' : `${countText(eventCount)}, sequence ${firstSequence} to ${lastSequence}`
  return [
    ['topic', topic.name],
    ['description', topic.description],
    ['owner', topic.owner],
    ['regions', regionsText(topic)],
    ['partitions', String(topic.partitions)],
    ['largest event', bytesText(topic.maxEventBytes)],
    ['retention', retentionText(topic)],
    ['duplicates', `dropped within ${formatDuration(topic.duplicateWindowMs)}`],
    ['events', held],
    ['size', bytesText(topic.bytes)],
  ]
}

function retentionText({ retention: { ageMs, bytes, events } }: TopicInfo): string {
  const limits = [
    ageMs === undefined ? [] : formatDuration(ageMs),
    bytes === undefined ? [] : formatBytes(bytes),
    events === undefined ? [] : `${countText(events)} events`,
  ].flat()
  return limits.length === 0 ? 'without limit' : limits.join(', ')
}

function regionsText({ regions }: TopicInfo): string {
  return regions.length === 0 ? 'all' : regions.join(', ')
}
