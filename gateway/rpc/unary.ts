import type { handleUnaryCall } from '@grpc/grpc-js'
import type { Log } from '../telemetry/index.ts'
import { type CallContext, callContextOf } from './call-context.ts'
import { statusOf } from './status.ts'

/** One unary method: answers or throws (a MeshError, if it is the caller's fault). */
export type UnaryMethod<Request, Response> = (request: Request, context: CallContext) => Promise<Response> | Response

/** Makes a grpc-js handler of a method: whatever it throws becomes a status. */
export function unary<Request, Response>(
  log: Log,
  method: UnaryMethod<Request, Response>,
): handleUnaryCall<Request, Response> {
  return async (call, callback) => {
    try {
      callback(null, await method(call.request, callContextOf(call.metadata)))
    } catch (error) {
      callback(statusOf(error, log, call.getPath()))
    }
  }
}
