import { compileFilter, EVERY, parsePath } from '../egress/index.ts'
import { isLabel, quote } from '../names.ts'
import { Fields, type ReportProblem } from './fields.ts'
import type { ClassificationRule, EgressSpec, MaskRule } from './types.ts'

const MASKS = { max: 32 }
const CLASSIFICATIONS = { max: 64 }
const REGIONS = { min: 1, max: 32 }
const TEXT_LENGTH_MAX = 256
const FILTER_LENGTH_MAX = 4096

/** Reads what `spec.replication` says of what leaves a region. */
export function readEgress(replication: Fields): EgressSpec {
  const filter = replication.text('filter', FILTER_LENGTH_MAX, { absent: undefined })
  if (filter !== undefined) {
    const { error } = compileFilter(filter)
    if (error !== undefined) replication.problem('filter', error.message.replace(/^filter: /, ''))
  }
  const masks = readMasks(replication)
  const classifications = replication.list('classifications', CLASSIFICATIONS, readClassification)
  reportRepeated(
    replication,
    'classifications',
    classifications.map(({ classification }) => classification),
  )
  return { filter, masks, classifications }
}

/** Reads the field `masks`. */
export function readMasks(fields: Fields): readonly MaskRule[] {
  const masks = fields.list('masks', MASKS, readMask)
  reportRepeated(
    fields,
    'masks',
    masks.map(({ path }) => path),
  )
  return masks
}

/** The fields of `spec.replication` as they are written in YAML; nothing for what is not asked for. */
export function formatEgress({ filter, masks, classifications }: EgressSpec): Readonly<Record<string, unknown>> {
  return {
    ...(filter === undefined ? {} : { filter }),
    ...(masks.length === 0 ? {} : { masks }),
    ...(classifications.length === 0 ? {} : { classifications }),
  }
}

function readMask(item: unknown, path: string, report: ReportProblem): MaskRule {
  const fields = new Fields(item, path, report)
  const rule: MaskRule = {
    path: fields.text('path', TEXT_LENGTH_MAX),
    action: fields.oneOf('action', ['redact', 'hash', 'drop'], 'redact'),
  }
  if (fields.value('action') === undefined) fields.problem('action', 'is missing, wanted "redact", "hash" or "drop"')
  const { error } = parsePath(rule.path)
  if (rule.path !== '' && error !== undefined) fields.problem('path', error.message.replace(/^path: /, ''))
  if (rule.path === 'data' && rule.action !== 'drop')
    fields.problem('action', 'is not "drop", wanted that for all of data')
  fields.finish()
  return rule
}

function readClassification(item: unknown, path: string, report: ReportProblem): ClassificationRule {
  const fields = new Fields(item, path, report)
  const isRegion = (text: string) => isLabel(text) || text === EVERY
  const rule: ClassificationRule = {
    classification: fields.text('classification', TEXT_LENGTH_MAX),
    regions: fields.texts('regions', REGIONS, isRegion, 'the name of a region, or "*" for all').toSorted(),
  }
  fields.finish()
  return rule
}

function reportRepeated(fields: Fields, name: string, values: readonly string[]): void {
  const repeated = values.find((value, index) => value !== '' && values.indexOf(value) < index)
  if (repeated !== undefined) fields.problem(name, `has ${quote(repeated)} again, wanted each once`)
}
