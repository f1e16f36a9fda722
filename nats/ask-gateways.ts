import {
  parseRegionAnswer,
  REGION_VIEW_SUBJECT,
  type RegionQuestion,
  type RegionRows,
  rowsAbout,
} from '@landbridge/core'
import { askAll } from './ask-all.ts'
import type { NatsSession } from './session.ts'

/** What a question to the gateways needs. */
export type AskGatewaysOptions<About extends RegionQuestion['about']> = {
  readonly session: NatsSession
  readonly question: Extract<RegionQuestion, { readonly about: About }>
  /** How many gateways of the region there are; 0 while that is not known. Asked after each answer. */
  readonly gateways: () => number
  /** Whose rows are left out: the asking gateway knows its own. */
  readonly except?: string
}

/** A gateway that has not answered by then is left out: what it knows shows with the next question. */
const ANSWER_MS = 300
const ANSWERS_MAX = 1_000

/** What gateways answered. */
export type GatewayAnswers<About extends RegionQuestion['about']> = {
  /** In any order. */
  readonly rows: readonly RegionRows[About][]
  /** How many of them did, to the end; the one whose rows are left out counts. */
  readonly answered: number
}

/** What the gateways of a region answer. Never rejects; without a connection nothing comes. */
export async function askGateways<About extends RegionQuestion['about']>({
  session,
  question,
  gateways,
  except,
}: AskGatewaysOptions<About>): Promise<GatewayAnswers<About>> {
  const ended = new Set<string>()
  const rows: unknown[] = []
  await askAll({
    session,
    subject: REGION_VIEW_SUBJECT,
    question: JSON.stringify(question),
    timeoutMs: ANSWER_MS,
    answersMax: ANSWERS_MAX,
    enough: (answers) => {
      const newest = answers.at(-1)
      const answer = newest === undefined ? undefined : parseRegionAnswer(Buffer.from(newest).toString())
      if (answer === undefined) return false
      if (answer.gateway !== except) rows.push(...answer.rows)
      if (answer.last) ended.add(answer.gateway)
      return gateways() > 0 && ended.size >= gateways()
    },
  })
  return { rows: rowsAbout<About>(question.about, rows), answered: ended.size }
}
