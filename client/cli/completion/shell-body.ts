import { type CompletionNode, type CompletionOption, flagsPattern, valueOptions } from './tree.ts'

/** What differs between shells that have `case` and arrays. */
export type ShellDialect = {
  /** Array of the words of the line, the index of the first one behind the program, and that of the word being typed. */
  readonly words: string
  readonly first: number
  readonly current: string
  /** Further local variables, and what is to be done before the first offer. */
  readonly prepare: readonly string[]
  /** What to offer after an option that matches `pattern`. */
  valueCase(pattern: string, value: CompletionOption['value']): string
  /** What to offer at a command. */
  nodeCase(node: CompletionNode): string
}

/** The body of a function that finds out which command is being typed, and offers what may follow. */
export function shellBody(tree: readonly CompletionNode[], dialect: ShellDialect): string {
  const { words, first, current, prepare, valueCase, nodeCase } = dialect
  const paths = tree.filter((node) => node.path !== '').map((node) => `'${node.path}'`)
  const values = valueOptions(tree).map(({ path, option }) => valueCase(flagsPattern(path, option.flags), option.value))
  return `  local word at="" next previous="\${${words}[${current}-1]}" i
${prepare.map((line) => `  ${line}\n`).join('')}  for ((i = ${first}; i < ${current}; i++)); do
    word="\${${words}[i]}"
    next="\${at:+$at }$word"
    case "$next" in
      (${paths.join(' | ')}) at="$next" ;;
    esac
  done
  case "$at:$previous" in
${values.join('\n')}
  esac
  case "$at" in
${tree.map(nodeCase).join('\n')}
  esac`
}
