import { openTracing } from '@landbridge/service'
import { type Context, ROOT_CONTEXT, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import type { Config } from './config.ts'
import type { MeshResource, Phase, ReconcileResult, ReconcileTrace, ReconcileTracing } from './reconcile/index.ts'

/** Tracing of the process. */
export type OperatorTracing = ReconcileTracing & {
  /** Sends what is left, then stops. */
  close(): Promise<void>
}

/** Starts tracing to an OTLP endpoint. This module is loaded only then. */
export async function openReconcileTracing(
  endpoint: string,
  { region, identity }: Pick<Config, 'region' | 'identity'>,
): Promise<OperatorTracing> {
  const { tracer, close } = await openTracing({ endpoint, service: 'landbridge-operator', instance: identity, region })
  return { begin: (kind, resource) => new ReconcileSpan(tracer, kind, resource), close }
}

class ReconcileSpan implements ReconcileTrace {
  readonly #tracer: Tracer
  readonly #span: Span
  readonly #context: Context

  constructor(tracer: Tracer, kind: string, { metadata }: MeshResource) {
    const { namespace = '', name, generation = 0 } = metadata
    const attributes = {
      'landbridge.resource.kind': kind,
      'landbridge.resource.name': name,
      'landbridge.resource.generation': generation,
      'k8s.namespace.name': namespace,
    }
    this.#tracer = tracer
    // Every reconciliation is a trace of its own: what caused it is not known.
    this.#span = tracer.startSpan(`reconcile ${kind}`, { attributes }, ROOT_CONTEXT)
    this.#context = trace.setSpan(ROOT_CONTEXT, this.#span)
  }

  phase(name: Phase): Disposable {
    const span = this.#tracer.startSpan(name, {}, this.#context)
    return { [Symbol.dispose]: () => span.end() }
  }

  end(result: ReconcileResult, error?: unknown): void {
    this.#span.setAttribute('landbridge.result', result)
    if (error !== undefined) {
      const message = error instanceof Error ? error.message : String(error)
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message })
    }
    this.#span.end()
  }
}
