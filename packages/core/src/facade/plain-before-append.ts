/** The look at a draft without Effect: an async function, or one with its time-out and what a failure means. */
import * as Effect from "effect/Effect"
import { beforeAppendError, type BeforeAppendShape, type Draft, type Rejected } from "../ports/before-append.ts"

export type PlainCheck = (draft: Draft) => Promise<Draft | Rejected>
export type PlainBeforeAppend = PlainCheck | (Omit<BeforeAppendShape, "check"> & { readonly check: PlainCheck })

export const plainBeforeAppend = (hook: PlainBeforeAppend): BeforeAppendShape => {
  const { check, ...rest } = typeof hook === "function" ? { check: hook } : hook
  return {
    ...rest,
    check: (draft) =>
      Effect.flatMap(
        Effect.tryPromise({
          try: async () => check(draft),
          catch: (cause) =>
            beforeAppendError(`the host's beforeAppend failed: ${cause instanceof Error ? cause.name : "unknown"}`),
        }),
        (answer) =>
          isAnswer(answer)
            ? Effect.succeed(answer)
            : Effect.fail(beforeAppendError("the host's beforeAppend returned neither a draft nor a rejection")),
      ),
  }
}

const isAnswer = (answer: Draft | Rejected | undefined | null): answer is Draft | Rejected =>
  typeof answer === "object" && answer !== null && typeof ("reject" in answer ? answer.reject : answer.text) === "string"
