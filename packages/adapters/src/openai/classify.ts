/**
 * What a failure means: the class of the AiProvider contract, from the code, type and status that the server itself gave. The SDK's own
 * classes are not asked, because they follow the status alone, and the status alone is wrong: 429 is also an empty account, 400 is also a
 * text that is too long.
 *
 * A server may quote the key or the prompt in its message, so no message of a server is ever passed on.
 */
import { type AiError, aiError, type AiErrorClass } from "@parley/core"

/** What is known of a failure. */
export interface Failure {
  readonly status?: number
  readonly code?: string
  readonly type?: string
  /** The server's words: read, never shown. */
  readonly text?: string
  /** Ours: what happened, without anything of the server's. */
  readonly what?: string
  readonly requestId?: string
  readonly retryAfterMs?: number
}

const BY_CODE: ReadonlyMap<string, AiErrorClass> = new Map(
  (
    [
      ["throttled", ["rate_limit_exceeded", "slow_down", "rate_limit_error"]],
      [
        "unusable",
        [
          "insufficient_quota",
          "credit_balance_exhausted",
          "organization_spend_limit_exceeded",
          "project_spend_limit_exceeded",
          "organization_usage_limit_exceeded",
          "billing_hard_limit_reached",
          "billing_not_active",
          "invalid_api_key",
          "account_deactivated",
          "model_not_found",
          "deploymentnotfound",
          "unsupported_country_region_territory",
        ],
      ],
      [
        "transient",
        [
          "server_error",
          "server_is_overloaded",
          "overloaded",
          "overloaded_error",
          "internal_error",
          "internal_server_error",
          "service_unavailable",
        ],
      ],
      ["too_big", ["context_length_exceeded", "string_above_max_length", "exceed_context_size_error"]],
      [
        "blocked",
        ["content_policy_violation", "content_filter", "moderation_blocked", "responsibleaipolicyviolation", "invalid_prompt"],
      ],
    ] as const
  ).flatMap(([errorClass, codes]) => codes.map((code) => [code, errorClass] as const)),
)

/** Types are coarse: OpenAI says `invalid_request_error` of a wrong key too. They decide only where there is no status. */
const BY_TYPE: ReadonlyMap<string, AiErrorClass> = new Map([
  ["invalid_request_error", "invalid"],
  ["authentication_error", "unusable"],
  ["permission_error", "unusable"],
  ["not_found_error", "unusable"],
])

/** Compatible servers say it in words only. */
const TOO_LONG = /context (length|window|size)|maximum context|prompt is too long|too many (input )?tokens/iu
const MAY_BE_TOO_LONG: ReadonlyArray<number | undefined> = [400, 422, undefined]

const byStatus = (status: number): AiErrorClass => {
  if (status === 429) return "throttled"
  if (status >= 500 || status === 408 || status === 409) return "transient"
  if (status === 413) return "too_big"
  if (status === 400 || status === 422) return "invalid"
  // A redirection, a wrong path, no money: this target cannot serve, another one may.
  return "unusable"
}

const classOf = ({ status, code, type, text }: Failure): AiErrorClass => {
  // Some servers put the status where the code belongs, inside a stream that began with 200.
  const statusAsCode = code !== undefined && /^[3-5]\d\d$/u.test(code) ? Number(code) : undefined
  const known = BY_CODE.get(code?.toLowerCase() ?? "") ?? BY_CODE.get(type?.toLowerCase() ?? "")
  if (known !== undefined) return known
  const at = status ?? statusAsCode
  if (MAY_BE_TOO_LONG.includes(at) && TOO_LONG.test(text ?? "")) return "too_big"
  if (at !== undefined) return byStatus(at)
  return BY_TYPE.get(type ?? "") ?? "transient"
}

/** Words of a registry, not of a text: anything else may be a quotation. */
const CODE = /^[A-Za-z0-9]+(?:[_.-][A-Za-z0-9]+){0,7}$/u
const MAX_SHOWN = 60

const shown = (word: string | undefined, secret: string): string | undefined =>
  word !== undefined && word.length <= MAX_SHOWN && CODE.test(word) && !word.includes(secret) && !secret.includes(word)
    ? word
    : undefined

/** `shownText`: somebody has seen a part of the answer, so what would have been worth another try is an interruption. */
export const errorOf = (failure: Failure, context: { readonly secret: string; readonly shownText: boolean }): AiError => {
  const found = classOf(failure)
  const errorClass = found === "transient" && context.shownText ? "interrupted" : found
  const { status, retryAfterMs } = failure
  const code = shown(failure.code, context.secret) ?? shown(failure.type, context.secret)
  const id = shown(failure.requestId, context.secret)
  const what = failure.what ?? (status === undefined ? "the server sent an error" : `the server answered ${status}`)
  const message = `${what}${code === undefined ? "" : `: ${code}`}${id === undefined ? "" : ` (request ${id})`}`
  return aiError(
    errorClass,
    message,
    retryAfterMs !== undefined && (found === "throttled" || found === "transient") ? { retryAfterMs } : {},
  )
}
