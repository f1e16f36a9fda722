import type { Command, Option } from 'commander'

/** One place in the command tree and what may follow it. */
export type CompletionNode = {
  /** Names from below the program down to the command, separated by spaces; "" for the program. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly CompletionOption[]
  /** True when an argument is a file. */
  readonly takesFiles: boolean
  /** Words that an argument may be. */
  readonly words: readonly string[]
}

/** An option of a command, or of the program. */
export type CompletionOption = {
  /** True for the program's options, which every command takes. */
  readonly global: boolean
  /** "-o", "--output". */
  readonly flags: readonly string[]
  readonly description: string
  /** What follows it. */
  readonly value: 'none' | 'any' | 'file' | readonly string[]
}

/** Options that take a value, each once: the commands' own with their path, the program's with `path` undefined. */
export function valueOptions(
  tree: readonly CompletionNode[],
): readonly { readonly path: string | undefined; readonly option: CompletionOption }[] {
  return tree.flatMap(({ path, options }) =>
    options
      .filter(({ global, value }) => value !== 'none' && (!global || path === ''))
      .map((option) => ({ path: option.global ? undefined : path, option })),
  )
}

/** What matches "<path>:<flag>" in a shell's `case`. */
export function flagsPattern(path: string | undefined, flags: readonly string[]): string {
  return flags.map((flag) => (path === undefined ? `*':${flag}'` : `'${path}:${flag}'`)).join(' | ')
}

/** The tree of commands below the program, itself first; every node has the program's options too. */
export function completionTree(program: Command): readonly CompletionNode[] {
  const globals = program.options
    .filter((option) => !option.hidden && option.long !== '--version')
    .map((option) => optionOf(option, true))
  return nodesOf(program, [], globals)
}

function nodesOf(command: Command, path: readonly string[], globals: readonly CompletionOption[]): CompletionNode[] {
  const own =
    path.length === 0 ? [] : command.options.filter((option) => !option.hidden).map((option) => optionOf(option))
  const help: CompletionOption = { flags: ['-h', '--help'], description: 'show help', value: 'none', global: true }
  const fallback = defaultCommandOf(command)
  const node: CompletionNode = {
    path: path.join(' '),
    commands: command.commands.map((child) => ({ name: child.name(), description: child.description() })),
    options: [...own, ...(fallback?.options.map((option) => optionOf(option)) ?? []), ...globals, help],
    takesFiles: command.registeredArguments.some((argument) => argument.name() === 'file'),
    words: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
  }
  return [node, ...command.commands.flatMap((child) => nodesOf(child, [...path, child.name()], globals))]
}

// Commander keeps the name of the default command to itself; ours are the first of their group.
function defaultCommandOf(command: Command): Command | undefined {
  return command.parent === null ? undefined : command.commands[0]
}

function optionOf(option: Option, global = false): CompletionOption {
  return {
    global,
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    description: option.description,
    value: valueAfter(option),
  }
}

function valueAfter(option: Option): CompletionOption['value'] {
  if (!option.required && !option.optional) return 'none'
  if (option.argChoices !== undefined) return option.argChoices
  return /<(file|path)/.test(option.flags) ? 'file' : 'any'
}
