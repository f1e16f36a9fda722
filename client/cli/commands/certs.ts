import { isIP } from 'node:net'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type CertificateFacts, inspectCertificates } from '../certs/inspect.ts'
import type { CertificateUse } from '../certs/issue.ts'
import { pairFiles, writePair } from '../certs/write-pair.ts'
import { usageFailure } from '../command-failure.ts'
import type { Context } from '../context.ts'
import { readText } from '../input.ts'
import { durationOption, listOption } from '../option-values.ts'
import { Printer } from '../printer.ts'
import type { GlobalOptions } from '../settings.ts'

const DAY_MS = 86_400_000

/** `landbridge certs`: a small authority for development, and a look into certificates. */
export function addCertsCommand(program: Command, context: Context): void {
  const certs = program.command('certs').description('make and look into certificates')
  addAuthority(certs, context)
  addIssue(certs, context)
  addInspect(certs, context)
}

function addAuthority(certs: Command, context: Context): void {
  certs
    .command('ca')
    .description('create a certificate authority: <out>.crt and <out>.key')
    .option('--name <name>', 'common name', 'Landbridge development authority')
    .addOption(validOption('how long it is good', 365))
    .option('--out <path>', 'where to write', 'ca')
    .option('--force', 'replace files that are there')
    .addHelpText('after', '\nExample:\n  landbridge certs ca --out pki/ca')
    .action(async (flags: { name: string; valid: number; out: string; force?: boolean }, command: Command) => {
      const files = await pairFiles(flags.out, flags.force === true)
      const { createAuthority } = await import('../certs/issue.ts')
      await writePair(files, await createAuthority(flags.name, flags.valid, context.now()))
      await reportPair(files, context, command)
    })
}

type IssueFlags = {
  readonly ca: string
  readonly caKey?: string
  readonly name: string
  readonly dns?: readonly string[]
  readonly ip?: readonly string[]
  readonly spiffe?: string
  readonly use?: CertificateUse
  /** Milliseconds. */
  readonly valid: number
  readonly out?: string
  readonly force?: boolean
}

function addIssue(certs: Command, context: Context): void {
  certs
    .command('issue')
    .description('issue a server or client certificate: <out>.crt and <out>.key')
    .requiredOption('--name <name>', 'common name')
    .option('--ca <file>', "the authority's certificate", 'ca.crt')
    .option('--ca-key <file>', "the authority's private key (default: --ca with .key)")
    .option('--dns <name>', 'DNS name of a server; may be given several times', listOption)
    .option('--ip <address>', 'IP address of a server; may be given several times', ipOption)
    .option('--spiffe <uri>', 'SPIFFE id, such as spiffe://example/ns/acme/sa/billing', spiffeOption)
    .addOption(
      new Option('--use <use>', 'server, client or both (default: both; client without --dns and --ip)').choices([
        'server',
        'client',
        'both',
      ]),
    )
    .addOption(validOption('how long it is good, at most as long as the authority', 30))
    .option('--out <path>', 'where to write (default: the name)')
    .option('--force', 'replace files that are there')
    .addHelpText(
      'after',
      '\nExamples:\n  landbridge certs issue --ca pki/ca.crt --name gateway --dns localhost --spiffe spiffe://landbridge.local/region/us-east\n' +
        '  landbridge certs issue --ca pki/ca.crt --name billing --spiffe spiffe://landbridge.local/ns/acme/sa/billing',
    )
    .action(async (flags: IssueFlags, command: Command) => {
      const keyName = flags.caKey ?? flags.ca.replace(/(\.(crt|pem))?$/, '.key')
      const files = await pairFiles(flags.out ?? fileNameOf(flags.name), flags.force === true)
      const authority = {
        certName: flags.ca,
        cert: await readText(flags.ca, 'authority', context),
        keyName,
        key: await readText(keyName, 'key of the authority', context),
      }
      const { dns = [], ip: ips = [] } = flags
      const uris = flags.spiffe === undefined ? [] : [flags.spiffe]
      const use = flags.use ?? (dns.length + ips.length === 0 ? 'client' : 'both')
      if (use !== 'client' && dns.length + ips.length === 0) {
        throw usageFailure('names: a server without --dns and --ip, wanted the names by which it is reached')
      }
      const { issueCertificate } = await import('../certs/issue.ts')
      const request = { name: flags.name, dns, ips, uris, use, validForMs: flags.valid }
      await writePair(files, await issueCertificate(authority, request, context.now()))
      await reportPair(files, context, command)
    })
}

function addInspect(certs: Command, context: Context): void {
  certs
    .command('inspect')
    .description('say what certificates are for and how long they are good')
    .argument('<file...>', 'PEM files; - for standard input')
    .addHelpText('after', '\nExample:\n  landbridge certs inspect pki/*.crt')
    .action(async (files: readonly string[], _flags: unknown, command: Command) => {
      const found: { readonly file: string; readonly facts: CertificateFacts }[] = []
      for (const file of files) {
        const pem = await readText(file, 'certificate', context)
        found.push(...inspectCertificates(pem, file, context.now()).map((facts) => ({ file, facts })))
      }
      const printer = new Printer(context, command.optsWithGlobals<GlobalOptions>())
      if (printer.form === 'json') return printer.json(found.map(({ file, facts }) => ({ file, ...facts })))
      for (const [index, { file, facts }] of found.entries()) {
        if (index > 0) await printer.text('\n')
        await printer.record([['file', file], ...linesOf(facts)], facts)
      }
    })
}

async function reportPair(files: { cert: string; key: string }, context: Context, command: Command): Promise<void> {
  const [facts] = inspectCertificates(await readText(files.cert, 'certificate', context), files.cert, context.now())
  if (facts === undefined) return
  const lines = linesOf(facts).filter(([name]) => ['validity', 'subject', 'names'].includes(name))
  const printer = new Printer(context, command.optsWithGlobals<GlobalOptions>())
  await printer.record([['certificate', files.cert], ['private key', files.key], ...lines], { ...files, ...facts })
}

function linesOf(facts: CertificateFacts): readonly (readonly [string, string])[] {
  return [
    ['validity', facts.validity],
    ['subject', facts.subject],
    ['names', facts.names.join(', ')],
    ['issuer', facts.issuer],
    ['authority', facts.authority ? 'yes, may sign certificates' : 'no'],
    ['not before', facts.notBefore.toISOString()],
    ['not after', facts.notAfter.toISOString()],
    ['key', facts.key],
    ['serial', facts.serial],
    ['sha-256', facts.fingerprint],
  ]
}

function validOption(description: string, days: number): Option {
  return new Option('--valid <duration>', description).argParser(durationOption).default(days * DAY_MS, `${days}d`)
}

function fileNameOf(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]+/g, '-')
}

function ipOption(text: string, previous: readonly string[] | undefined): readonly string[] {
  if (isIP(text) === 0) throw new InvalidArgumentError('Wanted an IPv4 or IPv6 address.')
  return listOption(text, previous)
}

/** One at most: a certificate with two SPIFFE ids is nobody's (X.509-SVID, section 2). */
function spiffeOption(text: string): string {
  if (!/^spiffe:\/\/[a-z0-9._-]+(\/[A-Za-z0-9._-]+)+$/.test(text)) {
    throw new InvalidArgumentError(
      'Wanted spiffe://<trust domain>/<path>, such as spiffe://example/ns/acme/sa/billing.',
    )
  }
  return text
}
