import { type CompletionNode, type CompletionOption, flagsPattern, pathsPattern, valueOptions } from './tree.ts'

/** The completion script for zsh 5 and later: source it, or save it as \`_landbridge\` in a folder of \`$fpath\`. */
export function zshCompletion(tree: readonly CompletionNode[]): string {
  return `#compdef landbridge
# zsh completion for landbridge
_landbridge() {
  local word at="" next previous="\${words[CURRENT-1]}" i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    next="\${at:+$at }$word"
    case "$next" in
      (${pathsPattern(tree)}) at="$next" ;;
    esac
  done
  case "$at:$previous" in
${valueOptions(tree)
  .map(({ path, option }) => valueCase(path, option))
  .join('\n')}
  esac
  case "$at" in
${tree.map(nodeCase).join('\n')}
  esac
}
if [[ "$funcstack[1]" = "_landbridge" ]]; then _landbridge "$@"; else compdef _landbridge landbridge; fi
`
}

function valueCase(path: string | undefined, { flags, value }: CompletionOption): string {
  const pattern = flagsPattern(path, flags)
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
