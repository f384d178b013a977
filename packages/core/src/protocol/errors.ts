/**
 * The registry of error codes: the same on the wire, in HTTP and in the API. Plain data, so that a client may import it.
 * Codes are append-only and never reused; a test keeps docs/errors.md equal to this table.
 */
export interface ErrorSpec {
  /** HTTP status. */
  readonly status: number
  /** The same request may succeed later, unchanged. */
  readonly retryable: boolean
  /** What happened. */
  readonly message: string
  /** What to do about it. */
  readonly action: string
}

const spec = (status: number, retryable: boolean, message: string, action: string): ErrorSpec => ({
  status,
  retryable,
  message,
  action,
})

export const ERRORS = {
  invalid_json: spec(400, false, "The body or frame is not JSON.", "Send one JSON object."),
  invalid_request: spec(
    400,
    false,
    "A field is missing, unknown or out of its bounds.",
    "Correct the field named by `details.path`.",
  ),
  invalid_text: spec(
    400,
    false,
    "A string or key holds NUL, ill-formed UTF-16 or a reserved name, or the value is nested too deep.",
    "Correct the value named by `details.path`.",
  ),
  unknown_type: spec(400, false, "No request has this `type`.", "Use a type listed in `welcome.features`."),
  unauthenticated: spec(401, false, "There is no valid token.", "Authenticate, then repeat the request."),
  token_expired: spec(401, false, "The token has expired.", "Get a new token and authenticate with it."),
  forbidden: spec(403, false, "Your role does not allow this here.", "Ask somebody who administers the conversation."),
  muted: spec(403, false, "You are muted in this conversation.", "Wait until you are unmuted."),
  origin_not_allowed: spec(403, false, "This origin may not connect.", "Add it to ALLOWED_ORIGINS."),
  conversation_not_found: spec(404, false, "There is no such conversation, or you are not in it.", "Check the id."),
  message_not_found: spec(404, false, "There is no such message in this conversation.", "Check the id."),
  route_not_found: spec(404, false, "There is no such route.", "Check the method and the path."),
  method_not_allowed: spec(405, false, "The route does not take this method.", "Use a method listed in the Allow header."),
  conversation_closed: spec(409, false, "The conversation is closed.", "Start a new one."),
  conversation_expired: spec(409, false, "The conversation has expired.", "Start a new one."),
  idempotency_conflict: spec(
    409,
    false,
    "This clientMessageId was used for another message.",
    "Use a new clientMessageId for a new message.",
  ),
  edit_conflict: spec(
    409,
    false,
    "The message changed since the version you edited.",
    "Look at `details.current` and edit that.",
  ),
  message_deleted: spec(409, false, "The message was deleted.", "Nothing can be done with it any more."),
  not_an_answer: spec(409, false, "The message is not an answer.", "Name a message with an `answer` field."),
  answer_open: spec(409, false, "The answer has not ended.", "Stop it first, or wait."),
  room_full: spec(409, false, "The conversation has as many members as it may.", "Make room first."),
  too_many_reactions: spec(409, false, "The message has as many different reactions as it may.", "Use one that is there."),
  too_many_subscriptions: spec(
    409,
    false,
    "The connection follows as many conversations as it may.",
    "Unsubscribe from one first.",
  ),
  frame_too_large: spec(
    413,
    false,
    "The frame or body is larger than allowed.",
    "Send less at once: `welcome.limits` says how much.",
  ),
  unsupported_media_type: spec(415, false, "The body is not application/json.", "Send JSON with its content type."),
  overloaded: spec(503, true, "The server has more to do than it can.", "Repeat after `retryAfter` seconds."),
  draining: spec(503, true, "The server is shutting down.", "Connect again; another one answers."),
  storage_unavailable: spec(
    503,
    true,
    "The store cannot be reached or written.",
    "Repeat with the same ids; nothing is doubled.",
  ),
  authentication_unavailable: spec(503, true, "Nobody could check the token.", "Repeat later."),
  host_unavailable: spec(
    503,
    true,
    "A check of the application did not answer.",
    "Repeat with the same ids; nothing is doubled.",
  ),
  internal: spec(500, true, "Something went wrong on the server.", "Repeat; if it stays, report the correlation id."),
  provider_failed: spec(502, true, "The assistant could not answer.", "Regenerate the answer."),
  provider_timeout: spec(504, true, "The assistant took too long.", "Regenerate the answer."),
  message_rejected: spec(422, false, "The application refused this message.", "Word it differently: `details.problem` says why."),
  provider_blocked: spec(422, false, "The assistant's policy refused this.", "Word the message differently."),
  answer_interrupted: spec(502, true, "The answer was cut off.", "Regenerate the answer."),
} as const satisfies Record<string, ErrorSpec>

export type ErrorCode = keyof typeof ERRORS

/** What stands under `error`, on the wire and in HTTP. */
export interface ErrorBody {
  readonly code: ErrorCode
  readonly message: string
  readonly details?: { readonly [key: string]: unknown }
  /** Seconds. */
  readonly retryAfter?: number
  /** Stands in the server's log too. */
  readonly correlationId: string
}

/** How a use case fails: a code of the registry and what one needs to act on it. Cheap to make: no stack. */
export interface ChatError {
  readonly _tag: "ChatError"
  readonly code: ErrorCode
  readonly details?: { readonly [key: string]: unknown }
  readonly retryAfter?: number
}

export const chatError = (code: ErrorCode, details?: { readonly [key: string]: unknown }, retryAfter?: number): ChatError => ({
  _tag: "ChatError",
  code,
  ...(details === undefined ? {} : { details }),
  ...(retryAfter === undefined ? {} : { retryAfter }),
})

/** `retryAfter` of a retryable error that names none, seconds. */
const DEFAULT_RETRY_AFTER = 1

export const errorBody = (error: ChatError, correlationId: string): ErrorBody => {
  const { message, retryable } = ERRORS[error.code]
  const retryAfter = error.retryAfter ?? (retryable ? DEFAULT_RETRY_AFTER : undefined)
  return {
    code: error.code,
    message,
    ...(error.details === undefined ? {} : { details: error.details }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    correlationId,
  }
}
