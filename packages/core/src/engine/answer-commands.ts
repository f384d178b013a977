/** Stop and regenerate: what people may do to an answer. */
import * as Effect from "effect/Effect"
import { type AnswerState, isAnswer, isTerminal, newAnswer, transitionAnswer } from "../domain/answer.ts"
import { bodyOf } from "../domain/conversation.ts"
import { ID_PREFIX } from "../domain/ids.ts"
import type { Item } from "../domain/item.ts"
import type { Principal } from "../domain/principal.ts"
import { chatError } from "../protocol/errors.ts"
import type { InputOf } from "../protocol/requests.ts"
import type { EngineError, Environment } from "./environment.ts"
import { type Changed, changedFrom, changedOf, commitAndAnnounce, type Decision, readDecideCommit } from "./write.ts"

export interface Stopped extends Changed {
  /** `stopping`, or the terminal state that came first. */
  readonly state: AnswerState
}

export const stopAnswer =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"stop_answer">): Effect.Effect<Stopped, EngineError> =>
    readDecideCommit(env, principal, input.conversationId, "stop_answer", [input.messageId], ({ items }): Decision<Stopped> => {
      const message = items[0]
      if (message?.kind !== "message") return { type: "refuse", error: chatError("message_not_found") }
      const body = bodyOf(message)
      if (!isAnswer(body)) return { type: "refuse", error: chatError("not_an_answer") }
      const moved = transitionAnswer(body, { type: "stopped" })
      if (moved.type === "unchanged") return { type: "done", result: { ...changedOf(message), state: body.answer.state } }
      return {
        type: "commit",
        commit: {
          puts: [{ item: moved.message, was: message.change }],
          leases: [{ answer: message.id, to: "stopping" }],
          outbox: [{ type: "answer_stopped", actor: principal.userId, itemId: message.id }],
        },
        result: (written) => ({ ...changedOf(written[0] as Item), state: "stopping" }),
      }
    })

/** The new answer's key is (turn, variant): two tabs, and any retry, get the same one. */
export const regenerateAnswer =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"regenerate_answer">): Effect.Effect<Changed, EngineError> => {
    const { tenant } = principal
    const conversation = input.conversationId
    const round = (left: number): Effect.Effect<Changed, EngineError> =>
      Effect.flatMap(env.access.look(principal, conversation, "regenerate_answer", [input.messageId]), ({ grant, items }) => {
        const replaced = items[0]
        if (replaced?.kind !== "message") return Effect.fail(chatError("message_not_found"))
        if (!isAnswer(replaced) || env.assistant === undefined) return Effect.fail(chatError("not_an_answer"))
        if (!isTerminal(replaced.answer.state) && replaced.answer.state !== "stopping")
          return Effect.fail(chatError("answer_open"))
        const { turn, variant } = replaced.answer
        const answer = newAnswer({
          id: env.system.randomId(ID_PREFIX.message),
          assistant: env.assistant,
          turn,
          variant: variant + 1,
          replaces: replaced.id,
        })
        const commit = {
          tenant,
          conversation,
          expectAccess: grant.accessVersion,
          key: { scope: "answer", id: `${turn}/${variant + 1}`, request: "" },
          requires: [turn],
          puts: [{ item: answer, was: "new" as const }],
          leases: [{ answer: answer.id, to: "open" as const }],
          outbox: [],
        }
        return Effect.flatMap(commitAndAnnounce(env, commit), (outcome): Effect.Effect<Changed, EngineError> => {
          switch (outcome.outcome) {
            case "ok":
              return Effect.succeed(changedOf(outcome.items[0] as Item))
            case "repeat":
              return Effect.succeed(changedFrom(outcome.committed[0] as Changed))
            case "stale_access":
              return left === 0 ? Effect.fail(chatError("overloaded")) : round(left - 1)
            case "missing":
              return Effect.fail(chatError(outcome.itemId === conversation ? "conversation_not_found" : "message_not_found"))
            case "conflict":
            case "room_full":
            case "fenced":
              return Effect.die(new Error(`a regenerate came back as ${outcome.outcome}, though it only adds a new item`))
          }
        })
      })
    return round(8)
  }
