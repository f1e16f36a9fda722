import { Command, type Help, Option } from 'commander'
import { addApplyCommand } from './commands/apply.ts'
import { addCertsCommand } from './commands/certs.ts'
import { addCheckCommand } from './commands/check.ts'
import { addCompletionCommand } from './commands/completion.ts'
import { addDiffCommand } from './commands/diff.ts'
import { addLagCommand } from './commands/lag.ts'
import { addPeersCommand } from './commands/peers.ts'
import { addPublishCommand } from './commands/publish.ts'
import { addSubscribeCommand } from './commands/subscribe.ts'
import { addTokenCommand } from './commands/token.ts'
import { addTopicsCommand } from './commands/topics.ts'
import type { Context } from './context.ts'
import { EXIT_HELP } from './exit-code.ts'
import { durationOption } from './option-values.ts'

const CONNECTION = 'Connection:'
const LOCAL = 'Local commands:'

/** Commands that talk to no gateway; their help leaves the connection out. */
const LOCAL_COMMANDS: ReadonlySet<string> = new Set(['token', 'certs', 'completion', 'help'])

/** The command line of `landbridge`, all of it. Parsing throws: commander's errors and those of the commands. */
export function createProgram(context: Context): Command {
  const program = new Command('landbridge')
    .description('Publish to, read from and look after a Landbridge event mesh.')
    .version('0.1.0')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'landbridge: ')),
      getOutHelpWidth: () => context.stdout.columns ?? 100,
      getErrHelpWidth: () => context.stderr.columns ?? 100,
    })
    .configureHelp({ showGlobalOptions: true, visibleGlobalOptions })
    .showHelpAfterError('(add --help for what is possible)')
    .addHelpText('after', `\n${EXAMPLES}\n\n${EXIT_HELP}`)
  addGlobalOptions(program)
  addPublishCommand(program, context)
  addSubscribeCommand(program, context)
  addTopicsCommand(program, context)
  addApplyCommand(program, context)
  addDiffCommand(program, context)
  addCheckCommand(program, context)
  addPeersCommand(program, context)
  addLagCommand(program, context)
  program.commandsGroup(LOCAL)
  addTokenCommand(program, context)
  addCertsCommand(program, context)
  addCompletionCommand(program, context)
  return program
}

function addGlobalOptions(program: Command): void {
  const connection: readonly (readonly [flags: string, description: string])[] = [
    ['--endpoints <list>', 'gateways, home first: "region=host:port,..." (LANDBRIDGE_ENDPOINTS)'],
    ['--token-file <file>', 'file with a bearer token (LANDBRIDGE_TOKEN_FILE)'],
    ['--token <token>', 'bearer token; others on this machine can see it (LANDBRIDGE_TOKEN)'],
    ['--tls-ca <file>', 'authorities that sign the gateways, PEM (LANDBRIDGE_CA)'],
    ['--tls-cert <file>', 'client certificate, PEM (LANDBRIDGE_CERT)'],
    ['--tls-key <file>', 'private key of the client certificate (LANDBRIDGE_KEY)'],
    ['--tls-server-name <name>', "name in the gateways' certificates, if not the host (LANDBRIDGE_SERVER_NAME)"],
  ]
  for (const [flags, description] of connection) {
    program.addOption(new Option(flags, description).helpGroup(CONNECTION))
  }
  program
    .addOption(
      new Option('--timeout <duration>', 'give up after this long, such as 10s (default: 10s; subscribe: never)')
        .argParser(durationOption)
        .helpGroup(CONNECTION),
    )
    .addOption(new Option('-o, --output <form>', 'form of the results').choices(['table', 'json']).default('table'))
    .addOption(new Option('--no-color', 'no colours, as with NO_COLOR; only terminals get any'))
}

function visibleGlobalOptions(this: Help, command: Command): Option[] {
  const ancestors = [command]
  for (let at = command.parent; at !== null; at = at.parent) ancestors.push(at)
  const program = ancestors.at(-1)
  if (program === undefined || program === command) return []
  const isLocal = ancestors.some((at) => LOCAL_COMMANDS.has(at.name()))
  return program.options.filter(
    (option) => option.long !== '--version' && !option.hidden && !(isLocal && option.helpGroupHeading === CONNECTION),
  )
}

const EXAMPLES = `Examples:
  export LANDBRIDGE_ENDPOINTS=us-east=localhost:7443,eu-west=localhost:7444
  export LANDBRIDGE_CA=ca.crt LANDBRIDGE_TOKEN_FILE=me.token
  landbridge apply -f topics.yaml
  landbridge publish acme/orders --type com.acme.order.created --data '{"id": 7}'
  landbridge subscribe acme/orders --from earliest --count 10
  landbridge lag --watch`
