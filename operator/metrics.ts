import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { ListReason } from './k8s/index.ts'
import type { ControllerMetrics, ReconcileResult, ResourceController } from './reconcile/index.ts'

/** What an operator shows of itself. Labels are kinds and closed sets of words. */
export class OperatorMetrics implements ControllerMetrics {
  readonly registry = new Registry()
  readonly #reconciled = new Counter({
    name: 'landbridge_operator_reconciliations_total',
    help: 'Reconciliations by result: unchanged (nothing was written), changed, failed.',
    labelNames: ['kind', 'result'],
    registers: [this.registry],
  })
  readonly #seconds = new Histogram({
    name: 'landbridge_operator_reconcile_seconds',
    help: 'How long one reconciliation took.',
    labelNames: ['kind'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers: [this.registry],
  })
  readonly #drifted = new Counter({
    name: 'landbridge_operator_drift_total',
    help: 'Changes behind the back of a resource that were found.',
    labelNames: ['kind'],
    registers: [this.registry],
  })
  readonly #statusWritten = new Counter({
    name: 'landbridge_operator_status_writes_total',
    help: 'Statuses that were written because something changed.',
    labelNames: ['kind'],
    registers: [this.registry],
  })

  readonly #listed = new Counter({
    name: 'landbridge_operator_lists_total',
    help: 'Times that all resources of a kind were listed, by reason: start, age, expired (410), failure.',
    labelNames: ['kind', 'reason'],
    registers: [this.registry],
  })

  listed(kind: string, reason: ListReason): void {
    this.#listed.inc({ kind, reason })
  }

  readonly #groupsDeleted = new Counter({
    name: 'landbridge_operator_groups_deleted_total',
    help: 'Groups of subscribers whose consumer was deleted, and their position with it.',
    registers: [this.registry],
  })

  reconciled(kind: string, result: ReconcileResult, seconds: number): void {
    this.#reconciled.inc({ kind, result })
    this.#seconds.observe({ kind }, seconds)
  }

  drifted(kind: string): void {
    this.#drifted.inc({ kind })
  }

  groupDeleted(): void {
    this.#groupsDeleted.inc()
  }

  statusWritten(kind: string): void {
    this.#statusWritten.inc({ kind })
  }

  /** Shows the state of controllers, and who leads, as of each scrape. */
  follow(controllers: ReadonlyMap<string, ResourceController>, leading: () => boolean): void {
    new Gauge({
      name: 'landbridge_operator_leading',
      help: '1 while this process leads.',
      registers: [this.registry],
      collect() {
        this.set(leading() ? 1 : 0)
      },
    })
    new Gauge({
      name: 'landbridge_operator_resources',
      help: 'Resources by kind.',
      labelNames: ['kind'],
      registers: [this.registry],
      collect() {
        for (const [kind, { figures }] of controllers) this.set({ kind }, figures.resources)
      },
    })
    new Gauge({
      name: 'landbridge_operator_queue',
      help: 'Resources that wait, are delayed, run, or fail.',
      labelNames: ['kind', 'state'],
      registers: [this.registry],
      collect() {
        for (const [kind, { figures }] of controllers) {
          const { waiting, delayed, running, failing } = figures
          for (const [state, count] of Object.entries({ waiting, delayed, running, failing })) {
            this.set({ kind, state }, count)
          }
        }
      },
    })
  }

  /** Adds the process's own figures: memory, CPU, event loop. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.registry })
  }
}
