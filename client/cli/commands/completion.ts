import { Argument, type Command } from 'commander'
import { bashCompletion } from '../completion/bash.ts'
import { fishCompletion } from '../completion/fish.ts'
import { completionTree } from '../completion/tree.ts'
import { zshCompletion } from '../completion/zsh.ts'
import type { Context } from '../context.ts'

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const

/** `landbridge completion`: a script that teaches a shell the commands and options. */
export function addCompletionCommand(program: Command, context: Context): void {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nTo have it in every new shell:\n' +
        "  bash  echo 'source <(landbridge completion bash)' >> ~/.bashrc\n" +
        "  zsh   echo 'source <(landbridge completion zsh)' >> ~/.zshrc    (after compinit)\n" +
        '  fish  landbridge completion fish > ~/.config/fish/completions/landbridge.fish',
    )
    .action(async (shell: keyof typeof SCRIPTS) => {
      await context.stdout.write(SCRIPTS[shell](completionTree(program)))
    })
}
