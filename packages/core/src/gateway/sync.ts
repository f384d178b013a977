/**
 * Poll and long-poll: one request over up to 50 conversations. It answers with the frames a subscription would have sent, and waits for them when
 * asked to. Every request reads heads, also one whose answer is "nothing new".
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EngineError, Environment } from "../engine/environment.ts"
import { withUsers } from "../engine/users-sidecar.ts"
import type { Principal } from "../domain/principal.ts"
import { chatError } from "../protocol/errors.ts"
import type { ServerFrame } from "../protocol/frames.ts"
import type { HeldAnswer } from "../protocol/held-answers.ts"
import type { HubConversation, Reader } from "./hub-conversation.ts"
import type { Hub } from "./hub.ts"
import { catchUp, changesFrame } from "./catch-up.ts"

export interface SyncInput {
  readonly conversations: ReadonlyArray<{ readonly conversationId: string; readonly cursor?: string }>
  readonly answers: ReadonlyArray<HeldAnswer>
  /** Milliseconds to wait for something new, at most `longPollMax`. */
  readonly wait: number
  /** The state tag of the client's last answer. */
  readonly known?: string
}

export interface Synced {
  readonly frames: ReadonlyArray<ServerFrame>
  /** Names the heads and answers this was read at: equal tags, equal answers to the same question. */
  readonly state: string
  /** Nothing differs from what the client named, and it named this state. */
  readonly unchanged: boolean
}

/** What moves an answer is joined for this long before a waiting request returns. */
const COALESCE_MS = 100

export type Sync = (principal: Principal, input: SyncInput) => Effect.Effect<Synced, EngineError>

export const makeSync =
  (env: Environment, hub: Hub): Sync =>
  (principal, input) => {
    const ids = input.conversations.map(({ conversationId }) => conversationId)
    if (new Set(ids).size !== ids.length)
      return Effect.fail(chatError("invalid_request", { path: "/c", problem: "names a conversation twice" }))
    const wait = Math.min(input.wait, env.timing.longPollMax)
    const held = new Map(input.answers.map((answer) => [answer.messageId, answer]))

    return Effect.scoped(
      Effect.gen(function* () {
        const woken = Deferred.makeUnsafe<boolean>()
        const joined = new Map<string, HubConversation>()
        // Joined before anything is read: what happens between the read and the wait wakes it.
        for (const id of ids) {
          const conversation = yield* Effect.catch(follow(hub, principal, id, woken), (error) =>
            error._tag === "ChatError" ? Effect.succeed(undefined) : Effect.fail(error),
          )
          if (conversation !== undefined) joined.set(id, conversation)
        }
        const first = yield* read(env, hub, principal, input, joined, held)
        if (first.frames.length > 0 || wait === 0) return first
        const urgent = yield* Effect.timeoutOption(Deferred.await(woken), wait)
        if (urgent._tag === "None") return first
        if (!urgent.value) yield* Effect.sleep(COALESCE_MS)
        return yield* read(env, hub, principal, input, joined, held)
      }),
    )
  }

/** Follows for as long as the request lives. `woken` becomes `true` for a change or lost access, `false` when only a text grew. */
const follow = (
  hub: Hub,
  principal: Principal,
  id: string,
  woken: Deferred.Deferred<boolean>,
): Effect.Effect<HubConversation, EngineError, Scope.Scope> => {
  let conversation: HubConversation | undefined
  const wake = (urgent: boolean): void => void Deferred.doneUnsafe(woken, Effect.succeed(urgent))
  const reader: Reader = {
    userId: principal.userId,
    position: () => conversation?.head ?? 0,
    deliver: (live) => wake(live.entries.some((entry) => entry.upTo !== undefined)),
    recheck: () => wake(true),
    reset: () => wake(true),
    gone: () => wake(true),
  }
  return Effect.acquireRelease(
    Effect.map(hub.attach(principal.tenant, id, reader), (found) => {
      conversation = found
      found.goLive(reader)
      return found
    }),
    (found) => Effect.sync(() => hub.detach(found, reader)),
  )
}

const read = (
  env: Environment,
  hub: Hub,
  principal: Principal,
  input: SyncInput,
  joined: ReadonlyMap<string, HubConversation>,
  held: ReadonlyMap<string, HeldAnswer>,
): Effect.Effect<Synced, EngineError> =>
  Effect.gen(function* () {
    const { tenant } = principal
    const heads = yield* hub.heads(
      tenant,
      input.conversations.map(({ conversationId }) => conversationId),
    )
    const frames: Array<ServerFrame> = []
    const marks: Array<string> = []
    for (const { conversationId, cursor } of input.conversations) {
      const head = heads.get(conversationId)
      const known = env.access.peek(principal, conversationId, "read")
      // A grant in memory holds as long as nothing was taken away since; the heads just read say so.
      const allowed =
        head !== undefined &&
        (known?.accessVersion === head.accessVersion ||
          (yield* Effect.catch(Effect.as(env.access.look(principal, conversationId, "read", []), true), (error) =>
            error._tag === "ChatError" ? Effect.succeed(false) : Effect.fail(error),
          )))
      if (head === undefined || !allowed) {
        frames.push({ type: "unsubscribed", conversationId, code: "conversation_not_found" })
        marks.push(`${conversationId}@-`)
        continue
      }
      const stands =
        cursor === `${head.epoch}.${head.change}`
          ? head.change
          : yield* readConversation(env, principal, conversationId, cursor, frames)
      marks.push(`${conversationId}@${head.epoch}.${head.change}`)
      const conversation = joined.get(conversationId)
      // Text of another history is not the text of this one, though revision and length may fit.
      const sameEpoch = cursor === undefined || cursor.startsWith(`${head.epoch}.`)
      // What was just read may tell how an answer ended whose text the hub still keeps: it has to hear of it first.
      if (stands !== undefined && conversation !== undefined && stands > conversation.head) {
        conversation.hear(stands)
        continue
      }
      for (const [messageId, { revision, text }] of conversation?.answers.open() ?? []) {
        const have = sameEpoch ? held.get(messageId) : undefined
        marks.push(`${messageId}@${revision}.${text.length}`)
        if (have?.revision === revision && have.length === text.length) continue
        const offset = have?.revision === revision && have.length < text.length ? have.length : 0
        frames.push({ type: "answer_snapshot", conversationId, messageId, revision, part: 0, offset, text: text.slice(offset) })
      }
    }
    const state = marks.join(" ")
    return { frames, state, unchanged: frames.length === 0 && input.known === state }
  })

/** One page: a client that is further behind asks again, which `more` tells it. Returns where the client stands with it. */
const readConversation = (
  env: Environment,
  principal: Principal,
  conversationId: string,
  cursor: string | undefined,
  frames: Array<ServerFrame>,
): Effect.Effect<number | undefined, EngineError> =>
  Effect.gen(function* () {
    const before = frames.length
    const after = yield* catchUp(env, principal, conversationId, cursor, undefined, {
      send: (frame) => void frames.push(frame),
      inTurn: (task) => task,
    })
    // A window brought the client to its head; what moved since comes with its next request.
    if (frames.length > before) return after
    const page = yield* env.log.changes({
      tenant: principal.tenant,
      conversation: conversationId,
      after,
      limit: 500,
      maxBytes: env.limits.pageBytes,
    })
    if (page === undefined) {
      frames.push({ type: "unsubscribed", conversationId, code: "conversation_not_found" })
      return undefined
    }
    if (page.upTo > after) {
      const frame = changesFrame(page.head, principal.userId, { after, upTo: page.upTo, items: page.items, more: page.more })
      frames.push(yield* withUsers(env, principal.tenant, page.items, frame))
    }
    return page.upTo
  })
