import type { Server } from '@grpc/grpc-js'
import { AdminService, EventService, ReplicationService } from '@landbridge/proto'
import { HealthImplementation } from 'grpc-health-check'

const NAMES = ['', EventService.typeName, AdminService.typeName, ReplicationService.typeName]

/** The standard gRPC health service; begins as NOT_SERVING. */
export class Health {
  readonly #implementation = new HealthImplementation()
  #serving = false

  constructor() {
    this.#set('NOT_SERVING')
  }

  addToServer(server: Server): void {
    this.#implementation.addToServer(server)
  }

  /** Tells probes and watchers, if it changed. */
  setServing(serving: boolean): void {
    if (serving === this.#serving) return
    this.#serving = serving
    this.#set(serving ? 'SERVING' : 'NOT_SERVING')
  }

  #set(status: 'SERVING' | 'NOT_SERVING'): void {
    for (const name of NAMES) this.#implementation.setStatus(name, status)
  }
}
