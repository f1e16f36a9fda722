import { MeshError, parseDocuments } from '@landbridge/core'
import type { ApplyOutcome, Mesh } from '../index.ts'
import { CommandFailure } from './command-failure.ts'
import type { Context } from './context.ts'
import type { RegionAnswer } from './every-region.ts'
import { EXIT } from './exit-code.ts'
import { readText } from './input.ts'

/** A file with documents; "-" is standard input. */
export type Source = { readonly file: string; readonly text: string }

/** Reads the files of `-f`. @throws CommandFailure */
export async function readSources(files: readonly string[], context: Context): Promise<readonly Source[]> {
  const sources: Source[] = []
  for (const file of files) sources.push({ file, text: await readText(file, 'documents', context) })
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
