import { MeshError, type MeshErrorCode } from './errors.ts'

/**
 * What parsing remote input returns: a value or an error, never an exception.
 * Test with `result.error !== undefined`.
 */
export type Result<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: MeshError; readonly value?: undefined }

/** A result that holds `value`. */
export function succeed<T>(value: T): Result<T> {
  return { value }
}

/** A result that holds an error; `message` reads "action: what is, what was wanted". */
export function fail(code: MeshErrorCode, message: string): { readonly error: MeshError } {
  return { error: new MeshError(code, message) }
}

/** The value, or the error thrown: for local constants and tests, where an error is a bug. */
export function unwrap<T>(result: Result<T>): T {
  if (result.error !== undefined) throw result.error
  return result.value
}
