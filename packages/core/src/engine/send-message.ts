/**
 * Sending: the hot path. With a grant in memory a send is one commit; the order of one caller's sends is the order of the calls.
 */
import * as Effect from "effect/Effect"
import { newAnswer } from "../domain/answer.ts"
import { ID_PREFIX } from "../domain/ids.ts"
import { newMessage } from "../domain/message.ts"
import type { Principal } from "../domain/principal.ts"
import type { Commit, CommitKey, CommitOutcome } from "../ports/conversation-log.ts"
import { type ChatError, chatError } from "../protocol/errors.ts"
import type { InputOf } from "../protocol/requests.ts"
import type { Grant } from "./access.ts"
import type { EngineError, Environment } from "./environment.ts"
import { type Changed, changedFrom, changedOf, commitAndAnnounce } from "./write.ts"

export interface Sent extends Changed {
  /** The answer that was begun with it, in a session. */
  readonly answer?: Changed
  /** The message had been sent before: these are the numbers of that time. */
  readonly repeat?: true
}

/** A caller whose access keeps moving is told to come back. */
const MAX_ROUNDS = 8

/** Of the request as the user made it, whatever is stored of it. */
export const sendKey = (principal: Principal, input: InputOf<"send_message">): CommitKey => ({
  scope: `send:${principal.userId}`,
  id: input.clientMessageId,
  request: JSON.stringify([input.messageType ?? "text", input.text, input.replyTo ?? null, input.metadata ?? null]),
})

/** `content` is what is stored, when the host made something else of the request. */
export const sendMessage =
  (env: Environment) =>
  (
    principal: Principal,
    input: InputOf<"send_message">,
    content: Pick<InputOf<"send_message">, "text" | "metadata"> = input,
  ): Effect.Effect<Sent, EngineError> => {
    const { tenant, userId } = principal
    const conversation = input.conversationId
    const messageType = input.messageType ?? "text"
    const key = sendKey(principal, input)

    /** Whatever stands in the way of a new message stands in no repeat's way. */
    const unlessRepeat = (error: EngineError): Effect.Effect<Sent, EngineError> =>
      error._tag === "StorageError"
        ? Effect.fail(error)
        : Effect.flatMap(env.log.get({ tenant, conversation, items: [], key }), (snapshot) =>
            snapshot?.repeat === undefined ? Effect.fail(error) : repeated(snapshot.repeat),
          )

    const commitWith = (grant: Grant): Commit => {
      const message = newMessage({
        id: env.system.randomId(ID_PREFIX.message),
        author: { kind: "user", id: userId },
        type: messageType,
        parts: [{ type: "text", text: content.text }],
        clientMessageId: input.clientMessageId,
        ...(input.replyTo === undefined ? {} : { replyTo: input.replyTo }),
        ...(content.metadata === undefined ? {} : { metadata: content.metadata }),
      })
      const answer =
        grant.conversation.type === "session" && env.assistant !== undefined
          ? newAnswer({ id: env.system.randomId(ID_PREFIX.message), assistant: env.assistant, turn: message.id, variant: 1 })
          : undefined
      return {
        tenant,
        conversation,
        key,
        expectAccess: grant.accessVersion,
        ...(input.replyTo === undefined ? {} : { requires: [input.replyTo] }),
        puts:
          answer === undefined
            ? [{ item: message, was: "new" }]
            : [
                { item: message, was: "new" },
                { item: answer, was: "new" },
              ],
        ...(answer === undefined ? {} : { leases: [{ answer: answer.id, to: "open" as const }] }),
        outbox: [{ type: "message_sent", actor: userId, itemId: message.id }],
      }
    }

    const round = (left: number): Effect.Effect<Sent, EngineError> => {
      const known = env.access.peek(principal, conversation, "send")
      if (known !== undefined) return attempt(known, left)
      return Effect.matchEffect(env.access.grant(principal, conversation, "send"), {
        onFailure: unlessRepeat,
        onSuccess: (grant) => attempt(grant, left),
      })
    }

    const attempt = (grant: Grant, left: number): Effect.Effect<Sent, EngineError> =>
      Effect.flatMap(commitAndAnnounce(env, commitWith(grant)), (outcome) => {
        switch (outcome.outcome) {
          case "ok": {
            const [message, answer] = outcome.items.map(changedOf)
            return Effect.succeed(answer === undefined ? (message as Changed) : { ...(message as Changed), answer })
          }
          case "repeat":
            return repeated(outcome)
          case "stale_access":
            env.access.forget(principal, conversation)
            return left === 0 ? Effect.fail(chatError("overloaded")) : round(left - 1)
          case "missing":
            env.access.forget(principal, conversation)
            return Effect.fail(chatError(outcome.itemId === conversation ? "conversation_not_found" : "message_not_found"))
          case "conflict":
          case "room_full":
          case "fenced":
            return Effect.die(new Error(`a send came back as ${outcome.outcome}, though it only adds new items`))
        }
      })

    const tooMuch = draftProblem(env, input)
    // Suspended, so that commits are issued in the order in which the effects are run.
    return tooMuch === undefined ? Effect.suspend(() => round(MAX_ROUNDS)) : unlessRepeat(tooMuch)
  }

export const draftProblem = (
  env: Environment,
  content: Pick<InputOf<"send_message">, "text" | "metadata">,
): ChatError | undefined => textProblem(env, content.text) ?? metadataProblem(env, content.metadata)

export const textProblem = (env: Environment, text: string): ChatError | undefined => {
  const max = env.limits.maxMessageLength
  if (text.length > max)
    return chatError("invalid_request", { path: "/text", problem: `is ${text.length} long, at most ${max} are allowed`, max })
  return text.trim() === ""
    ? chatError("invalid_request", { path: "/text", problem: "holds nothing but white space" })
    : undefined
}

export const metadataProblem = (env: Environment, metadata: object | undefined): ChatError | undefined => {
  const max = env.limits.maxMetadataBytes
  return metadata !== undefined && JSON.stringify(metadata).length > max
    ? chatError("invalid_request", { path: "/metadata", problem: `is larger than ${max} as JSON`, max })
    : undefined
}

const repeated = (repeat: Extract<CommitOutcome, { readonly outcome: "repeat" }>): Effect.Effect<Sent, ChatError> => {
  if (!repeat.same) return Effect.fail(chatError("idempotency_conflict"))
  const [message, answer] = repeat.committed.map(changedFrom)
  return Effect.succeed({ ...(message as Changed), ...(answer === undefined ? {} : { answer }), repeat: true })
}
