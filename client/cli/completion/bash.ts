import { type CompletionNode, type CompletionOption, flagsPattern, pathsPattern, valueOptions } from './tree.ts'

/** The completion script for bash 3.2 and later. */
export function bashCompletion(tree: readonly CompletionNode[]): string {
  return `# bash completion for landbridge
_landbridge() {
  local word at="" next previous="\${COMP_WORDS[COMP_CWORD-1]}" current="\${COMP_WORDS[COMP_CWORD]}" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    next="\${at:+$at }$word"
    case "$next" in
      ${pathsPattern(tree)}) at="$next" ;;
    esac
  done
  COMPREPLY=()
  case "$at:$previous" in
${valueOptions(tree)
  .map(({ path, option }) => valueCase(path, option))
  .join('\n')}
  esac
  case "$at" in
${tree.map(nodeCase).join('\n')}
  esac
}
complete -F _landbridge landbridge
`
}

function valueCase(path: string | undefined, { flags, value }: CompletionOption): string {
  const pattern = flagsPattern(path, flags)
  if (value === 'any') return `    ${pattern}) return ;;`
  const words = typeof value === 'string' ? '-f' : `-W '${value.join(' ')}'`
  return `    ${pattern}) COMPREPLY=($(compgen ${words} -- "$current")); return ;;`
}

function nodeCase(node: CompletionNode): string {
  const words = [
    ...node.commands.map((command) => command.name),
    ...node.words,
    ...node.options.flatMap((option) => option.flags.filter((flag) => flag.startsWith('--'))),
  ]
  const files = node.takesFiles ? ' -f' : ''
  return `    '${node.path}') COMPREPLY=($(compgen${files} -W '${words.join(' ')}' -- "$current")) ;;`
}
