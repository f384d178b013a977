/** What may happen to a message after it was sent: edit, delete, react. */
import type * as Effect from "effect/Effect"
import { isAnswer, isOpenAnswer, transitionAnswer } from "../domain/answer.ts"
import { bodyOf } from "../domain/conversation.ts"
import { reactionsIdOf } from "../domain/ids.ts"
import type { Item, Message, Reactions } from "../domain/item.ts"
import { transitionMessage } from "../domain/message.ts"
import type { Principal } from "../domain/principal.ts"
import { noReactions, transitionReactions } from "../domain/reactions.ts"
import { type ChatError, chatError } from "../protocol/errors.ts"
import { wireItem } from "../protocol/frames.ts"
import type { InputOf } from "../protocol/requests.ts"
import { refusal } from "./access.ts"
import { withRulings } from "./authorization.ts"
import type { EngineError, Environment } from "./environment.ts"
import { metadataProblem, textProblem } from "./send-message.ts"
import { type Changed, changedOf, type Decision, readDecideCommit } from "./write.ts"

const refuse = (error: ChatError): Decision<never> => ({ type: "refuse", error })
const first = (items: ReadonlyArray<Item>): Changed => changedOf(items[0] as Item)
const messageOf = (item: Item | undefined): Message | undefined => (item?.kind === "message" ? item : undefined)
const editConflict = (current: Item | undefined): ChatError =>
  current === undefined ? chatError("message_not_found") : chatError("edit_conflict", { current: wireItem(current) })

export const editMessage =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"edit_message">): Effect.Effect<Changed, EngineError> =>
    readDecideCommit(
      env,
      principal,
      input.conversationId,
      "edit_own",
      [input.messageId],
      ({ items }): Decision<Changed> => {
        const message = messageOf(items[0])
        if (message === undefined) return refuse(chatError("message_not_found"))
        if (message.author.kind !== "user" || message.author.id !== principal.userId) return refuse(chatError("forbidden"))
        const problem = textProblem(env, input.text) ?? metadataProblem(env, input.metadata)
        if (problem !== undefined) return refuse(problem)
        const moved = transitionMessage(bodyOf(message), {
          type: "edited",
          parts: [{ type: "text", text: input.text }],
          ...(input.metadata === undefined ? {} : { metadata: input.metadata }),
        })
        if (moved.type === "refused") return refuse(chatError("message_deleted"))
        // Before the base is compared: an edit that stands already was this one, and its reply was lost.
        if (moved.type === "unchanged") return { type: "done", result: changedOf(message) }
        if (message.change !== input.base) return refuse(editConflict(message))
        return {
          type: "commit",
          result: first,
          commit: {
            puts: [{ item: moved.message, was: message.change }],
            outbox: [{ type: "message_edited", actor: principal.userId, itemId: message.id }],
          },
        }
      },
      editConflict,
    )

export const deleteMessage =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"delete_message">): Effect.Effect<Changed, EngineError> =>
    withRulings(env, principal, input.conversationId, ["delete_own", "delete_any"], (decide) =>
      readDecideCommit(env, principal, input.conversationId, "read", [input.messageId], ({ grant, items }): Decision<Changed> => {
        const message = messageOf(items[0])
        if (message === undefined) return refuse(chatError("message_not_found"))
        const own = message.author.kind === "user" && message.author.id === principal.userId
        const verdict = decide(grant.conversation, grant.member, own ? "delete_own" : "delete_any")
        if (verdict !== "allowed") return refuse(refusal(verdict, grant.conversation))
        const outbox = [{ type: "message_deleted" as const, actor: principal.userId, itemId: message.id }]
        const body = bodyOf(message)
        // An answer in the making is stopped first; its ending is the tombstone.
        if (isOpenAnswer(body) && isAnswer(body)) {
          const stopped = transitionAnswer(body, { type: "stopped", deletedBy: principal.userId })
          if (stopped.type === "unchanged") return { type: "done", result: changedOf(message) }
          return {
            type: "commit",
            result: first,
            commit: {
              puts: [{ item: stopped.message, was: message.change }],
              leases: [{ answer: message.id, to: "stopping" }],
              outbox,
            },
          }
        }
        const moved = transitionMessage(body, { type: "deleted", by: principal.userId })
        if (moved.type !== "changed") return { type: "done", result: changedOf(message) }
        return { type: "commit", result: first, commit: { puts: [{ item: moved.message, was: message.change }], outbox } }
      }),
    )

export const react =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"message_reaction">): Effect.Effect<Changed, EngineError> =>
    readDecideCommit(
      env,
      principal,
      input.conversationId,
      "react",
      [input.messageId, reactionsIdOf(input.messageId)],
      ({ items }): Decision<Changed> => {
        const message = messageOf(items[0])
        if (message === undefined) return refuse(chatError("message_not_found"))
        if (message.deleted !== undefined) return refuse(chatError("message_deleted"))
        const stored = items[1]?.kind === "reactions" ? (items[1] as Reactions) : undefined
        const moved = transitionReactions(
          stored === undefined ? noReactions(input.messageId) : bodyOf(stored),
          { type: input.remove === true ? "removed" : "added", emoji: input.emoji, userId: principal.userId },
          env.limits.maxEmojis,
        )
        if (moved.type === "refused") return refuse(chatError("too_many_reactions", { max: env.limits.maxEmojis }))
        if (moved.type === "unchanged") return { type: "done", result: changedOf(stored ?? message) }
        return {
          type: "commit",
          result: first,
          commit: {
            // Deleting the message moves no reaction, so the reaction alone may be compared.
            requires: [input.messageId],
            puts: [{ item: moved.reactions, was: stored?.change ?? "new" }],
            outbox: [{ type: "reaction_changed", actor: principal.userId, itemId: input.messageId }],
          },
        }
      },
    )
