/** Pure judgement: what the end of an attempt means for the answer. */
import type { AnswerError, Ending } from "../../domain/answer.ts"
import type { AiErrorClass } from "../../ports/ai-provider.ts"
import { ERRORS, type ErrorCode } from "../../protocol/errors.ts"

/** The four timers of an attempt. */
export type Timer = "connect" | "first_token" | "idle" | "total"

export type AttemptEnd =
  /** The provider said it is done. */
  | { readonly type: "finished"; readonly reason: "stop" | "length" }
  /** The stream ended without its terminal marker. */
  | { readonly type: "cut" }
  | { readonly type: "error"; readonly class: AiErrorClass; readonly message: string }
  | { readonly type: "timeout"; readonly timer: Timer }
  /** Somebody stopped the answer. */
  | { readonly type: "stopped" }
  /** The lease went to somebody else, or the answer is gone: nothing may be written any more. */
  | { readonly type: "lost" }

/** What stands on the answer as the attempt's outcome. */
export const outcomeOf = (end: AttemptEnd): string => {
  switch (end.type) {
    case "finished":
      return "complete"
    case "cut":
      return "interrupted"
    case "error":
      return end.class
    case "timeout":
      return `timeout_${end.timer}`
    case "stopped":
    case "lost":
      return "aborted"
  }
}

/** Whether another provider may try: only while nobody has seen a word, and never around a policy or with a request that is wrong itself. */
export const mayFailOver = (end: AttemptEnd, shown: boolean): boolean => {
  if (shown) return false
  if (end.type === "error") return !["blocked", "invalid", "aborted"].includes(end.class)
  return end.type === "cut" || (end.type === "timeout" && end.timer !== "total")
}

/** The state and reason an answer ends with. Nothing truncated is complete. */
export const verdictOf = (
  end: Exclude<AttemptEnd, { readonly type: "lost" }>,
  shown: boolean,
): Pick<Ending, "state" | "finish" | "error"> => {
  switch (end.type) {
    case "finished":
      return { state: "complete", finish: end.reason }
    case "stopped":
      return { state: "stopped" }
    case "cut":
      return shown
        ? { state: "interrupted", error: reason("answer_interrupted") }
        : { state: "failed", error: reason("provider_failed") }
    case "timeout":
      return { state: shown ? "interrupted" : "failed", error: reason("provider_timeout") }
    case "error":
      if (end.class === "blocked") return { state: "blocked", error: reason("provider_blocked") }
      return shown
        ? { state: "interrupted", error: reason("answer_interrupted") }
        : { state: "failed", error: reason("provider_failed") }
  }
}

/** The registry's words, never the provider's: those are for the operator's log. */
export const reason = (code: ErrorCode): AnswerError => ({ code, message: ERRORS[code].message })

/** Which timer ran out, if any. Times in milliseconds of one clock. */
export const expiredTimer = (
  times: {
    readonly now: number
    readonly begun: number
    readonly attempt: number
    readonly started: number | undefined
    readonly lastText: number | undefined
  },
  limits: {
    readonly aiConnectTimeout: number
    readonly aiFirstTokenTimeout: number
    readonly aiIdleTimeout: number
    readonly aiTotalTimeout: number
  },
): Timer | undefined => {
  if (times.now - times.begun >= limits.aiTotalTimeout) return "total"
  if (times.started === undefined) return times.now - times.attempt >= limits.aiConnectTimeout ? "connect" : undefined
  if (times.lastText === undefined) return times.now - times.started >= limits.aiFirstTokenTimeout ? "first_token" : undefined
  return times.now - times.lastText >= limits.aiIdleTimeout ? "idle" : undefined
}
