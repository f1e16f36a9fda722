import type { handleUnaryCall } from '@grpc/grpc-js'
import type { Log } from '../telemetry/index.ts'
import { type CallContext, callContextOf } from './call-context.ts'
import { statusOf } from './status.ts'

/** One unary method: answers or throws (a MeshError, if it is the caller's fault). */
export type UnaryMethod<Request, Response> = (request: Request, context: CallContext) => Promise<Response> | Response

/** Trailing metadata of a failed unary call: the gateway's clock, ms since 1970, as `region_time` is of an answer. */
const TIME_KEY = 'landbridge-time-ms'

/** Makes a grpc-js handler of a method: whatever it throws becomes a status. */
export function unary<Request, Response>(
  { log, now }: { readonly log: Log; readonly now: () => number },
  method: UnaryMethod<Request, Response>,
): handleUnaryCall<Request, Response> {
  return async (call, callback) => {
    try {
      callback(null, await method(call.request, callContextOf(call.metadata)))
    } catch (error) {
      const status = statusOf(error, log, call.getPath())
      status.metadata.set(TIME_KEY, String(Math.floor(now())))
      callback(status)
    }
  }
}
