import type { MeshError } from '@landbridge/core'
import type { PublishOutcome, Receipt } from '../../index.ts'
import type { Context } from '../context.ts'
import { printable } from '../printable.ts'
import type { Printer } from '../printer.ts'

/** Tells what became of one event: a receipt on stdout; an error on stderr, and with JSON on stdout as well. */
export async function reportOutcome(
  id: string,
  outcome: PublishOutcome<Receipt>,
  printer: Printer,
  context: Context,
): Promise<void> {
  const { receipt, error } = outcome
  if (receipt !== undefined) {
    await printer.item(
      () => receiptText(id, receipt),
      () => ({ id, ...receipt }),
    )
    return
  }
  if (printer.form === 'json') await printer.item(String, () => ({ id, error: errorJson(error) }))
  else await context.stderr.write(`${printable(`${id}  not acknowledged: ${error.message}${storedText(error)}`)}\n`)
}

function receiptText(id: string, { region, sequence, duplicate, regions, degraded }: Receipt): string {
  const place = sequence === 0 ? region : `${region} #${sequence}`
  const also = regions.filter((name) => name !== region)
  const remarks = [
    ...(duplicate ? ['stored before'] : []),
    ...(also.length === 0 ? [] : [`also in ${also.join(', ')}`]),
    ...(degraded ? ['degraded: no other region has it yet'] : []),
  ]
  return printable([id, place, ...remarks].join('  '))
}

function errorJson({ code, message, ambiguous }: MeshError) {
  return { code, message, ambiguous }
}

function storedText({ ambiguous }: MeshError): string {
  return ambiguous ? ' (it may be stored all the same: publish it again with the same --id and --source)' : ''
}
