/** Send and edit with the host's look at the draft in front of the commit. Without a hook the use cases stand as they are. */
import * as Effect from "effect/Effect"
import type { Principal } from "../domain/principal.ts"
import type { BeforeAppendShape, Draft } from "../ports/before-append.ts"
import { chatError } from "../protocol/errors.ts"
import type { InputOf } from "../protocol/requests.ts"
import { findTextProblem } from "../protocol/text-rule.ts"
import { editMessage } from "./change-message.ts"
import type { EngineError, Environment } from "./environment.ts"
import { draftProblem, sendKey, sendMessage, type Sent } from "./send-message.ts"
import type { Changed } from "./write.ts"

const DEFAULT_TIMEOUT = 200

type Content = Pick<Draft, "text" | "metadata">

const contentOf = ({ text, metadata }: Content): Content => ({ text, ...(metadata === undefined ? {} : { metadata }) })

/** What is to be stored. */
const ask = (env: Environment, hook: BeforeAppendShape, draft: Draft): Effect.Effect<Content, EngineError> => {
  const timeout = hook.timeout ?? DEFAULT_TIMEOUT
  return hook.check(draft).pipe(
    Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail({ message: `no answer within ${timeout} ms` }) }),
    Effect.matchEffect({
      onFailure: ({ message }): Effect.Effect<Content, EngineError> =>
        Effect.andThen(
          Effect.logWarning("the look at a draft failed", {
            action: draft.action,
            open: hook.onFailure === "open",
            reason: message,
          }),
          hook.onFailure === "open" ? Effect.succeed(contentOf(draft)) : Effect.fail(chatError("host_unavailable")),
        ),
      onSuccess: (answer): Effect.Effect<Content, EngineError> => {
        if ("reject" in answer) return Effect.fail(chatError("message_rejected", { problem: answer.reject }))
        const content = contentOf(answer)
        const problem = findTextProblem(content) ?? draftProblem(env, content)?.details
        if (problem === undefined) return Effect.succeed(content)
        // The user's own draft kept the rules: this one is the host's making, and nobody else can mend it.
        return Effect.andThen(
          Effect.logError("the look at a draft made something of it that is no message", {
            path: problem.path,
            problem: problem.problem,
          }),
          Effect.fail(chatError("internal")),
        )
      },
    }),
  )
}

export const sendLookedAt = (
  env: Environment,
  hook: BeforeAppendShape | undefined,
): ((principal: Principal, input: InputOf<"send_message">) => Effect.Effect<Sent, EngineError>) => {
  const send = sendMessage(env)
  if (hook === undefined) return (principal, input) => send(principal, input)
  return (principal, input) =>
    Effect.gen(function* () {
      const conversation = input.conversationId
      const found = yield* env.log.get({
        tenant: principal.tenant,
        conversation,
        items: [],
        key: sendKey(principal, input),
      })
      // Not for a hook: a repeat, whose result the use case knows, and what it would refuse anyway.
      if (found?.repeat !== undefined || draftProblem(env, input) !== undefined) return yield* send(principal, input)
      if (env.access.peek(principal, conversation, "send") === undefined) yield* env.access.grant(principal, conversation, "send")
      const content = yield* ask(env, hook, { principal, action: "send", conversation, ...contentOf(input) })
      return yield* send(principal, input, content)
    })
}

export const editLookedAt = (
  env: Environment,
  hook: BeforeAppendShape | undefined,
): ((principal: Principal, input: InputOf<"edit_message">) => Effect.Effect<Changed, EngineError>) => {
  const edit = editMessage(env)
  if (hook === undefined) return edit
  return (principal, input) =>
    Effect.gen(function* () {
      const { conversationId: conversation, messageId } = input
      const { items } = yield* env.access.look(principal, conversation, "edit_own", [messageId])
      const [message] = items
      // Nobody ever edits another's message, and a message never changes its author: without the hook this is refused, now and later.
      const own = message?.kind === "message" && message.author.kind === "user" && message.author.id === principal.userId
      if (!own || draftProblem(env, input) !== undefined) return yield* edit(principal, input)
      const { metadata: _metadata, ...rest } = input
      const content = yield* ask(env, hook, { principal, action: "edit", conversation, messageId, ...contentOf(input) })
      return yield* edit(principal, { ...rest, ...content })
    })
}
