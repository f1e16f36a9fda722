import type { Delivery, MeshEvent } from '../../index.ts'
import { dataText, eventToJson } from '../event/event-json.ts'
import { printable } from '../printable.ts'
import type { Printer } from '../printer.ts'

/** Most of the data that a line for people shows, characters. */
const DATA_LENGTH_MAX = 200

/** A delivery as a line for people: when, where from, what. */
export function eventLine(delivery: Delivery, printer: Pick<Printer, 'paint'>): string {
  const { event, sequence, attempt } = delivery
  const attributes = [
    ...(event.subject === undefined ? [] : [event.subject]),
    ...(event.partitionKey === undefined ? [] : [`key=${event.partitionKey}`]),
    ...(attempt > 1 ? [`attempt=${attempt}`] : []),
  ]
  const head = `${timeText(event)}  #${sequence} from ${event.extensions.get('lborigin') ?? '?'}`
  return [
    printer.paint(printable(head), 'dim'),
    printer.paint(printable(event.type), 'green'),
    printable(event.source),
    ...attributes.map((text) => printable(text)),
    shortData(event),
  ]
    .filter((text) => text !== '')
    .join('  ')
}

/** A delivery as JSON: where it is stored, and the event in the CloudEvents JSON format. */
export function deliveryJson({ event, sequence, attempt, region }: Delivery): Readonly<Record<string, unknown>> {
  return { region, sequence, attempt, event: eventToJson(event) }
}

// When the mesh stored it; what the event itself says is up to its publisher.
function timeText(event: MeshEvent): string {
  const recorded = event.extensions.get('recordedtime')
  const time = recorded === undefined ? event.time : new Date(recorded)
  if (time === undefined || Number.isNaN(time.getTime())) return '-'
  return time.toISOString()
}

function shortData(event: MeshEvent): string {
  const text = (dataText(event) ?? '').trim()
  const cut = text.length > DATA_LENGTH_MAX
  return printable(cut ? `${text.slice(0, DATA_LENGTH_MAX)}… (${event.bytes().length} bytes)` : text)
}
