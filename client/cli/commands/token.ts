import { type Command, Option } from 'commander'
import { usageFailure } from '../command-failure.ts'
import type { Context } from '../context.ts'
import { readText } from '../input.ts'
import { durationOption, listOption } from '../option-values.ts'
import { Printer } from '../printer.ts'
import { type GlobalOptions, tokenOf } from '../settings.ts'
import { claimOption } from '../token/claim-option.ts'
import { inspectToken, type TokenFacts } from '../token/inspect.ts'
import { readPrivateKey } from '../token/private-key.ts'
import { publicKeySet, signToken } from '../token/sign.ts'

type SignFlags = {
  readonly key: string
  readonly sub: string
  readonly iss: string
  readonly aud: string
  /** Milliseconds. */
  readonly ttl: number
  readonly group?: readonly string[]
  readonly claim?: Readonly<Record<string, unknown>>
  readonly kid?: string
}

/** `landbridge token`: look into bearer tokens, and sign them for development. */
export function addTokenCommand(program: Command, context: Context): void {
  const token = program.command('token').description('look into bearer tokens, or sign some for development')
  token
    .command('inspect', { isDefault: true })
    .description('say who a token is for and how long it is good; nothing is verified')
    .argument('[token]', 'the token, or - for standard input (default: the one that other commands would send)')
    .addHelpText(
      'after',
      '\nExamples:\n  landbridge token\n  landbridge token inspect "$TOKEN"\n  pbpaste | landbridge token inspect - -o json',
    )
    .action(async (text: string | undefined, _flags: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>()
      const facts = inspectToken(await tokenText(text, options, context), context.now())
      await printFacts(new Printer(context, options), facts)
    })
  token
    .command('sign')
    .description('sign a token with a local private key')
    .requiredOption('--key <file>', 'private key: PEM or JWK (EC, Ed25519 or RSA); - for standard input')
    .requiredOption('--sub <subject>', 'who the token is for')
    .requiredOption('--iss <issuer>', 'issuer that the gateways trust')
    .requiredOption('--aud <audience>', 'audience that the gateways want')
    .addOption(new Option('--ttl <duration>', 'how long it is good').argParser(durationOption).default(3_600_000, '1h'))
    .option('--group <name>', 'put the subject in a group; may be given several times', listOption)
    .option('--claim <name=value>', 'add a claim; the value may be JSON; may be given several times', claimOption)
    .option('--kid <id>', "key id (default: the JWK's, else the key's RFC 7638 thumbprint)")
    .addHelpText(
      'after',
      '\nExamples:\n  openssl ecparam -name prime256v1 -genkey -noout -out key.pem\n' +
        '  landbridge token jwks --key key.pem > jwks.json\n' +
        '  landbridge token sign --key key.pem --iss https://id.example --aud landbridge --sub ann --group ops --ttl 12h > ann.token',
    )
    .action(async (flags: SignFlags, command: Command) => {
      const key = readPrivateKey(await readText(flags.key, 'key', context), flags.key)
      const now = context.now()
      const request = {
        subject: flags.sub,
        issuer: flags.iss,
        audience: flags.aud,
        ttlMs: flags.ttl,
        groups: flags.group ?? [],
        claims: flags.claim ?? {},
      }
      const signed = await signToken(key, request, { keyId: flags.kid, now })
      await new Printer(context, command.optsWithGlobals<GlobalOptions>()).item(
        () => signed,
        () => ({ token: signed, expires: new Date(now + flags.ttl).toISOString() }),
      )
    })
  token
    .command('jwks')
    .description('print the JSON Web Key Set by which gateways verify what a key signs')
    .requiredOption('--key <file>', 'private key: PEM or JWK; - for standard input')
    .option('--kid <id>', 'key id, as given to `token sign`')
    .action(async (flags: { readonly key: string; readonly kid?: string }, command: Command) => {
      const key = readPrivateKey(await readText(flags.key, 'key', context), flags.key)
      await new Printer(context, command.optsWithGlobals<GlobalOptions>()).json(await publicKeySet(key, flags.kid))
    })
}

async function tokenText(text: string | undefined, options: GlobalOptions, context: Context): Promise<string> {
  if (text === '-') return readText('-', 'token', context)
  if (text !== undefined) return text
  const token = tokenOf(options, context.env)
  if (token !== undefined) return typeof token === 'string' ? token : token()
  throw usageFailure(
    'token: none given and none configured, wanted one',
    'name it, or set LANDBRIDGE_TOKEN_FILE, LANDBRIDGE_TOKEN, --token-file or --token',
  )
}

const SHOWN: ReadonlySet<string> = new Set(['sub', 'iss', 'aud', 'groups', 'iat', 'nbf', 'exp'])

async function printFacts(printer: Printer, { header, claims, state, validity }: TokenFacts): Promise<void> {
  const others = Object.entries(claims).filter(([name]) => !SHOWN.has(name))
  await printer.record(
    [
      ['validity', validity],
      ['subject', textOf(claims.sub)],
      ['groups', textOf(claims.groups)],
      ['issuer', textOf(claims.iss)],
      ['audience', textOf(claims.aud)],
      ['issued', timeOf(claims.iat)],
      ['not before', timeOf(claims.nbf)],
      ['expires', timeOf(claims.exp)],
      ...others.map(([name, value]) => [name, textOf(value)] as const),
      ['signature', `${textOf(header.alg)}, key ${textOf(header.kid) || 'not named'}, not verified here`],
    ],
    { state, header, claims },
  )
}

function textOf(value: unknown): string {
  if (value === undefined) return ''
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function timeOf(seconds: number | undefined): string {
  if (seconds === undefined) return ''
  const time = new Date(seconds * 1_000)
  return Number.isNaN(time.getTime()) ? `${seconds} (no time)` : time.toISOString()
}
