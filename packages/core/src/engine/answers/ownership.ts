/**
 * The commits of an answer's owner: take it over, and end it. Both carry the fence, so that an owner whose lease went to another
 * changes nothing, and both settle their race with a stop by reading again: the stop wins.
 */
import * as Effect from "effect/Effect"
import { type AnswerMessage, type Ending, isAnswer, isTerminal, transitionAnswer } from "../../domain/answer.ts"
import { bodyOf } from "../../domain/conversation.ts"
import type { Conversation, Message } from "../../domain/item.ts"
import type { AnswerRef, Claim } from "../../ports/answer-leases.ts"
import type { StorageError } from "../../ports/storage-error.ts"
import type { EngineError, Environment } from "../environment.ts"
import { commitAndAnnounce } from "../write.ts"
import { reason } from "./judge.ts"

/** Claims of one answer: its first owner and one that takes over. */
const MAX_CLAIMS = 2

export type Begun =
  | { readonly type: "generate"; readonly revision: number; readonly answer: AnswerMessage; readonly conversation: Conversation }
  /** Only its ending is left to write. */
  | { readonly type: "end"; readonly ending: Ending }
  | { readonly type: "gone" }

interface Read {
  readonly message: Message
  readonly body: AnswerMessage
  readonly conversation: Conversation
}

const read = (env: Environment, ref: AnswerRef): Effect.Effect<Read | undefined, StorageError> =>
  Effect.map(
    env.log.get({ tenant: ref.tenant, conversation: ref.conversation, items: [ref.answer, ref.conversation] }),
    (snapshot) => {
      const [message, conversation] = snapshot?.items ?? []
      if (message?.kind !== "message" || conversation?.kind !== "conversation") return undefined
      const body = bodyOf(message)
      return isAnswer(body) && !isTerminal(body.answer.state) ? { message, body, conversation } : undefined
    },
  )

/** The new revision stands in the log before its first word is shown, so that no other owner ever uses the same one. */
export const begin = (env: Environment, ref: AnswerRef, claim: Claim): Effect.Effect<Begun, EngineError> =>
  Effect.flatMap(read(env, ref), (found): Effect.Effect<Begun, EngineError> => {
    if (found === undefined) return Effect.succeed({ type: "gone" })
    const { checkpoint } = claim
    const revision = Math.max(found.body.answer.revision, checkpoint.revision)
    const soFar = {
      // Readers may have seen more of the old revision than was stored: what ends shorter is another revision.
      revision: revision === 0 ? 0 : revision + 1,
      // A checkpoint of an older revision is text that nobody sees any more.
      parts: checkpoint.revision === revision && checkpoint.text !== "" ? [{ type: "text" as const, text: checkpoint.text }] : [],
    }
    if (found.body.answer.state === "stopping") return Effect.succeed({ type: "end", ending: { state: "stopped", ...soFar } })
    if (claim.fence > MAX_CLAIMS)
      return Effect.succeed({ type: "end", ending: { state: "interrupted", ...soFar, error: reason("answer_interrupted") } })
    const moved = transitionAnswer(found.body, { type: "claimed", revision: revision + 1 })
    if (moved.type === "unchanged")
      return Effect.die(new Error(`answer ${ref.answer} in state ${found.body.answer.state} refused a claim`))
    return Effect.flatMap(
      commitAndAnnounce(env, {
        tenant: ref.tenant,
        conversation: ref.conversation,
        fence: { answer: ref.answer, fence: claim.fence },
        puts: [{ item: moved.message, was: found.message.change }],
        outbox: [],
      }),
      (outcome): Effect.Effect<Begun, EngineError> =>
        outcome.outcome === "ok"
          ? Effect.succeed({ type: "generate", revision: revision + 1, answer: moved.message, conversation: found.conversation })
          : outcome.outcome === "conflict"
            ? begin(env, ref, claim)
            : Effect.succeed({ type: "gone" }),
    )
  })

/** Whether this owner wrote the ending; `false` when the answer was no longer its own. */
export const end = (env: Environment, ref: AnswerRef, fence: number, ending: Ending): Effect.Effect<boolean, EngineError> =>
  Effect.flatMap(read(env, ref), (found): Effect.Effect<boolean, EngineError> => {
    if (found === undefined) return Effect.succeed(false)
    const moved = transitionAnswer(found.body, { type: "ended", ...ending })
    if (moved.type === "unchanged") return Effect.succeed(false)
    return Effect.flatMap(
      commitAndAnnounce(env, {
        tenant: ref.tenant,
        conversation: ref.conversation,
        fence: { answer: ref.answer, fence },
        leases: [{ answer: ref.answer, to: "closed" }],
        puts: [{ item: moved.message, was: found.message.change }],
        outbox: [{ type: "answer_ended", itemId: ref.answer }],
      }),
      (outcome) => (outcome.outcome === "conflict" ? end(env, ref, fence, ending) : Effect.succeed(outcome.outcome === "ok")),
    )
  })
