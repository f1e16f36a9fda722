import type { CompletionNode, CompletionOption } from './tree.ts'

/** The completion script for fish 3 and later. */
export function fishCompletion(tree: readonly CompletionNode[]): string {
  const paths = tree.filter((node) => node.path !== '').map((node) => quoted(node.path))
  return `# fish completion for landbridge
function __landbridge_at
  set -l at
  for word in (commandline -opc)[2..-1]
    set -l next (string join ' ' -- $at $word)
    contains -- "$next" ${paths.join(' ')}; and set at $next
  end
  test "$at" = "$argv[1]"
end
complete -c landbridge -f
${tree.flatMap(linesOf).join('\n')}
`
}

function linesOf(node: CompletionNode): readonly string[] {
  const start = `complete -c landbridge -n ${quoted(`__landbridge_at ${quoted(node.path)}`)}`
  return [
    ...node.commands.map(({ name, description }) => `${start} -a ${quoted(name)} -d ${quoted(description)}`),
    ...(node.words.length === 0 ? [] : [`${start} -a ${quoted(node.words.join(' '))}`]),
    ...(node.takesFiles ? [`${start} -F`] : []),
    ...node.options.map((option) => `${start} ${optionText(option)}`),
  ]
}

function optionText({ flags, description, value }: CompletionOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  return [...names, ...valueText(value), `-d ${quoted(description)}`].join(' ')
}

function valueText(value: CompletionOption['value']): readonly string[] {
  if (value === 'none') return []
  if (value === 'any') return ['-x']
  return value === 'file' ? ['-r', '-F'] : ['-x', `-a ${quoted(value.join(' '))}`]
}

// In single quotes fish knows two escapes.
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
