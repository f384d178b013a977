/** How the facade fails: an Error with a code of the registry, for people who work with promises. */
import type { EngineError } from "../engine/environment.ts"
import { publicError } from "../gateway/dispatch.ts"
import { type ChatError, type ErrorCode, ERRORS } from "../protocol/errors.ts"

/**
 * @example
 * try { await me.send(id, "hello") } catch (error) {
 *   if (ParleyError.is(error) && error.retryable) retryLater(error.retryAfter)
 * }
 */
export class ParleyError extends Error {
  readonly code: ErrorCode
  readonly details: { readonly [key: string]: unknown } | undefined
  /** The same call may succeed later. */
  readonly retryable: boolean
  /** Seconds. */
  readonly retryAfter: number | undefined

  constructor(error: ChatError, options?: { readonly cause?: unknown }) {
    const spec = ERRORS[error.code]
    const problem = error.details?.["problem"]
    const path = error.details?.["path"]
    const where = typeof problem === "string" ? ` (${typeof path === "string" && path !== "" ? `${path} ` : ""}${problem})` : ""
    super(`${spec.message}${where} ${spec.action}`, options)
    this.name = "ParleyError"
    this.code = error.code
    this.details = error.details
    this.retryable = spec.retryable
    this.retryAfter = error.retryAfter
  }

  /** By its shape, so that two copies of the package in one tree understand each other. */
  static is(error: unknown): error is ParleyError {
    return error instanceof Error && error.name === "ParleyError" && "code" in error
  }

  static from(error: EngineError): ParleyError {
    return error._tag === "ChatError" ? new ParleyError(error) : new ParleyError(publicError(error), { cause: error })
  }
}
