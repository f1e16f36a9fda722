import { shellBody } from './shell-body.ts'
import type { CompletionNode, CompletionOption } from './tree.ts'

/** The completion script for bash 3.2 and later. */
export function bashCompletion(tree: readonly CompletionNode[]): string {
  const prepare = [`local current="\${COMP_WORDS[COMP_CWORD]}"`, 'COMPREPLY=()']
  return `# bash completion for landbridge
_landbridge() {
${shellBody(tree, { words: 'COMP_WORDS', first: 1, current: 'COMP_CWORD', prepare, valueCase, nodeCase })}
}
complete -F _landbridge landbridge
`
}

function valueCase(pattern: string, value: CompletionOption['value']): string {
  if (value === 'any') return `    (${pattern}) return ;;`
  const words = typeof value === 'string' ? '-f' : `-W '${value.join(' ')}'`
  return `    (${pattern}) COMPREPLY=($(compgen ${words} -- "$current")); return ;;`
}

function nodeCase(node: CompletionNode): string {
  const words = [
    ...node.commands.map((command) => command.name),
    ...node.words,
    ...node.options.flatMap((option) => option.flags.filter((flag) => flag.startsWith('--'))),
  ]
  const files = node.takesFiles ? ' -f' : ''
  return `    ('${node.path}') COMPREPLY=($(compgen${files} -W '${words.join(' ')}' -- "$current")) ;;`
}
