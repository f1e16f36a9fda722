import { MeshError, ownDocuments, parseDocuments } from '@landbridge/core'
import type { ApplyOutcome, Mesh } from '../index.ts'
import { CommandFailure, usageFailure } from './command-failure.ts'
import type { Context } from './context.ts'
import type { RegionAnswer } from './every-region.ts'
import { EXIT } from './exit-code.ts'
import { readText } from './input.ts'
import { printable } from './printable.ts'

/** A file with documents; "-" is standard input. */
export type Source = { readonly file: string; readonly text: string }

/** How many of the documents that are left out are named. */
const NAMED_MAX = 10

/**
 * Reads the files of `-f`, without documents of other API groups; says which those were. A file of nothing else is wrong.
 * @throws CommandFailure
 */
export async function readSources(files: readonly string[], context: Context): Promise<readonly Source[]> {
  const sources: Source[] = []
  for (const file of files) {
    const { text, own, foreign } = ownDocuments(await readText(file, 'documents', context))
    if (foreign.length > 0) {
      const place = file === '-' ? 'standard input' : file
      const rest = foreign.length > NAMED_MAX ? ` and ${foreign.length - NAMED_MAX} more` : ''
      const named = printable(`${foreign.slice(0, NAMED_MAX).join(', ')}${rest}`)
      if (own === 0) throw usageFailure(`documents: ${place} has none of landbridge.dev, only ${named}`)
      await context.stderr.write(`${place}: skipped what is not of landbridge.dev: ${named}\n`)
    }
    sources.push({ file, text })
  }
  return sources
}

/** One region after the other; documents that one refuses are wrong in all, so it ends there. */
export async function applyInTurn(
  targets: readonly string[],
  sources: readonly Source[],
  mesh: Mesh,
  options: { readonly dryRun: boolean; readonly signal: AbortSignal },
): Promise<readonly RegionAnswer<ApplyOutcome>[]> {
  const documents = sources.map((source) => source.text).join('\n---\n')
  const answers: RegionAnswer<ApplyOutcome>[] = []
  for (const target of targets) {
    try {
      answers.push({ target, rows: await mesh.admin.apply(documents, { endpoint: target, ...options }) })
    } catch (error) {
      answers.push({ target, error })
      if (error instanceof MeshError && ['invalid_argument', 'cancelled'].includes(error.code)) break
    }
  }
  return answers
}

/**
 * Documents that the first region refuses: nothing was done. Of several files, the one that is wrong is named.
 * @throws CommandFailure
 */
export function throwIfWrong(answers: readonly RegionAnswer<ApplyOutcome>[], sources: readonly Source[]): void {
  const error = answers.find((answer) => isWrong(answer.error))?.error
  if (!(error instanceof MeshError)) return
  // The gateway counts documents over all files.
  const texts =
    sources.length < 2 ? [] : sources.map(({ file, text }) => ({ file, problem: parseDocuments(text).error }))
  const wrong = texts.find(({ problem }) => problem !== undefined)
  const message = wrong?.problem === undefined ? error.message : `${wrong.file}: ${wrong.problem.message}`
  const nothingDone = answers.every((answer) => answer.error !== undefined)
  throw new CommandFailure(nothingDone ? EXIT.usage : EXIT.failed, message, { cause: error })
}

function isWrong(error: unknown): boolean {
  return error instanceof MeshError && error.code === 'invalid_argument'
}
