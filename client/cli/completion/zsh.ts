import { shellBody } from './shell-body.ts'
import type { CompletionNode, CompletionOption } from './tree.ts'

/** The completion script for zsh 5 and later: source it, or save it as \`_landbridge\` in a folder of \`$fpath\`. */
export function zshCompletion(tree: readonly CompletionNode[]): string {
  return `#compdef landbridge
# zsh completion for landbridge
_landbridge() {
${shellBody(tree, { words: 'words', first: 2, current: 'CURRENT', prepare: ['local -a found'], valueCase, nodeCase })}
}
if [[ "$funcstack[1]" = "_landbridge" ]]; then _landbridge "$@"; else compdef _landbridge landbridge; fi
`
}

function valueCase(pattern: string, value: CompletionOption['value']): string {
  if (value === 'any') return `    (${pattern}) return ;;`
  return `    (${pattern}) ${typeof value === 'string' ? '_files' : `compadd -- ${value.join(' ')}`}; return ;;`
}

function nodeCase(node: CompletionNode): string {
  const commands = node.commands.map(({ name, description }) => described(name, description))
  const options = node.options.flatMap(({ flags, description }) => flags.map((flag) => described(flag, description)))
  return [
    `    ('${node.path}')`,
    `      found=(${[...commands, ...node.words.map((word) => described(word, ''))].join(' ')})`,
    `      if [[ "$PREFIX" != -* ]]; then _describe landbridge found${node.takesFiles ? '; _files' : ''}; fi`,
    `      found=(${options.join(' ')})`,
    `      if [[ "$PREFIX" == -* ]]; then _describe -o option found; fi ;;`,
  ].join('\n')
}

// \`_describe\` splits at the first colon that is not escaped.
function described(word: string, description: string): string {
  const text = description.replaceAll('\\', '').replaceAll("'", "'\\''").replaceAll(':', '\\:')
  return `'${word}${text === '' ? '' : `:${text}`}'`
}
