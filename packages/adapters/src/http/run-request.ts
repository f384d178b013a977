/** Requests that arrive without a connection: run, and answered by exactly one reply or error each. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import {
  type Chat,
  chatError,
  decodeValue,
  type EngineError,
  type ErrorBody,
  errorBody,
  type ErrorFrame,
  ERRORS,
  isConnectionBound,
  type Principal,
  type ReplyFrame,
  reportError,
  type Request,
} from "@parley/core"

/** What a client may know of a failure; the rest is logged under the correlation id. */
export const report = (cause: Cause.Cause<EngineError>, what: string, correlationId: string): Effect.Effect<ErrorBody> => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) return reportError(failure.error, correlationId, what)
  return Effect.as(
    Effect.logError("request died", { request: what, correlationId }, cause),
    errorBody(chatError("internal"), correlationId),
  )
}

/** Runs to its end also when the client goes away: it may have written already, and others wait to hear of it. */
export const runRequest = (chat: Chat, principal: Principal, request: Request): Effect.Effect<object, EngineError> =>
  isConnectionBound(request)
    ? Effect.fail(
        chatError("invalid_request", {
          path: "/type",
          problem:
            "needs a connection; over HTTP every request carries its token, and `sync` and `events` bring what a subscription would",
        }),
      )
    : Effect.uninterruptible(chat.gateway.dispatch(principal, request))

type AnswerFrame = ReplyFrame | ErrorFrame | { readonly type: "pong"; readonly id: string }

/** In order, each after the one before. A failure that may pass ends the batch: what follows might rely on what failed. */
export const runBatch = (
  chat: Chat,
  principal: Principal,
  values: ReadonlyArray<unknown>,
  correlationId: string,
): Effect.Effect<ReadonlyArray<AnswerFrame>> =>
  Effect.gen(function* () {
    const answers: Array<AnswerFrame> = []
    for (const [i, value] of values.entries()) {
      const answer = yield* answerValue(chat, principal, value, `${correlationId}.${i + 1}`)
      answers.push(answer)
      if (isError(answer) && ERRORS[answer.error.code].retryable) break
    }
    return answers
  })

const isError = (frame: AnswerFrame): frame is ErrorFrame => frame.type === "error"

const answerValue = (chat: Chat, principal: Principal, value: unknown, correlationId: string): Effect.Effect<AnswerFrame> => {
  const decoded = decodeValue(value)
  if (!decoded.ok)
    return Effect.succeed({
      type: "error",
      ...(decoded.id === undefined ? {} : { id: decoded.id }),
      error: errorBody(decoded.error, correlationId),
    })
  const { request } = decoded
  const { id } = request
  if (request.type === "ping") return Effect.succeed({ type: "pong", id })
  return Effect.matchCauseEffect(runRequest(chat, principal, request), {
    onSuccess: (reply) => Effect.succeed<AnswerFrame>({ type: "reply", id, ...reply }),
    onFailure: (cause) =>
      Effect.map(report(cause, request.type, correlationId), (error): AnswerFrame => ({ type: "error", id, error })),
  })
}
