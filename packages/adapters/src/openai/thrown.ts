/** From what the SDK throws to what is known of the failure. Nobody else looks at an error of the SDK. */
import type { AiError } from "@parley/core"
import { aiError } from "@parley/core"
import { errorOf, type Failure } from "./classify.ts"
import { type HeadersLike, retryHint } from "./retry-hint.ts"

/** The part of the SDK's module that tells its errors apart. */
export interface ErrorsLike {
  readonly APIError: new (...args: never) => object
  readonly APIUserAbortError: new (...args: never) => object
  readonly APIConnectionError: new (...args: never) => object
  readonly APIConnectionTimeoutError: new (...args: never) => object
}

interface Fields {
  readonly [name: string]: unknown
}
const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {})
const textOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined

/** An error object as it stands in a body or in a stream: `{ code, type, message }`, a text, or either in a list or another `error`. */
export const failureOfBody = (body: unknown): Pick<Failure, "code" | "type" | "text"> => {
  const first = Array.isArray(body) ? (body as ReadonlyArray<unknown>)[0] : body
  if (typeof first === "string") return { text: first }
  const outer = fieldsOf(first)
  const inner = typeof outer["error"] === "string" ? { message: outer["error"] } : fieldsOf(outer["error"] ?? outer)
  const [code, type, text] = [textOf(inner["code"]), textOf(inner["type"]), textOf(inner["message"])]
  return {
    ...(code === undefined ? {} : { code }),
    ...(type === undefined ? {} : { type }),
    ...(text === undefined ? {} : { text }),
  }
}

/** The system's name of what went wrong, such as ECONNREFUSED, wherever in the chain of causes it stands. */
const systemCode = (error: unknown): string | undefined => {
  for (let cause = error, depth = 0; depth < 6 && typeof cause === "object" && cause !== null; depth++) {
    const { code, cause: next } = cause as { readonly code?: unknown; readonly cause?: unknown }
    if (typeof code === "string" && /^[A-Z][A-Z0-9_]{1,40}$/u.test(code)) return code
    cause = next
  }
  return undefined
}

export interface ThrownContext {
  readonly errors: ErrorsLike
  readonly secret: string
  readonly shownText: boolean
  readonly now: number
}

export const errorOfThrown = (thrown: unknown, context: ThrownContext): AiError => {
  const { errors } = context
  if (thrown instanceof errors.APIUserAbortError) return aiError("aborted", "the request was aborted")
  if (thrown instanceof errors.APIConnectionTimeoutError) return errorOf({ what: "the server did not answer in time" }, context)
  if (thrown instanceof errors.APIConnectionError) {
    const code = systemCode(thrown)
    return errorOf({ what: "the server cannot be reached", ...(code === undefined ? {} : { code }) }, context)
  }
  if (thrown instanceof errors.APIError) {
    const { status, error, headers, requestID } = thrown as Fields
    const retryAfterMs =
      typeof status === "number" && headers !== undefined ? retryHint(headers as HeadersLike, context.now) : undefined
    return errorOf(
      {
        ...failureOfBody(error),
        ...(typeof status === "number" ? { status } : {}),
        ...(typeof requestID === "string" ? { requestId: requestID } : {}),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
      context,
    )
  }
  if (thrown instanceof SyntaxError) return errorOf({ what: "the server sent an event that is no JSON" }, context)
  const code = systemCode(thrown)
  return errorOf({ what: "the connection broke", ...(code === undefined ? {} : { code }) }, context)
}
