/** Reading: history pages, and what a subscription is made of. */
import * as Effect from "effect/Effect"
import type { ConversationHead } from "../domain/conversation.ts"
import type { Item } from "../domain/item.ts"
import type { Principal } from "../domain/principal.ts"
import type { UserProfile } from "../ports/user-directory.ts"
import { chatError } from "../protocol/errors.ts"
import { type Mine, mineOf, type WireItem, wireItem } from "../protocol/frames.ts"
import type { InputOf } from "../protocol/requests.ts"
import type { EngineError, Environment } from "./environment.ts"
import { withUsers } from "./users-sidecar.ts"

export interface History {
  readonly conversationId: string
  readonly messages: ReadonlyArray<WireItem>
  readonly reactions: ReadonlyArray<WireItem>
  /** The cursor this page was read at: a client that is further keeps what it has. */
  readonly asOf: string
  readonly firstSeq: number
  readonly hasMore: boolean
  readonly mine?: Mine
  readonly users?: ReadonlyArray<UserProfile>
}

export const getHistory =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"get_history">): Effect.Effect<History, EngineError> =>
    Effect.gen(function* () {
      const { tenant, userId } = principal
      const conversation = input.conversationId
      yield* env.access.look(principal, conversation, "read", [])
      const page = yield* env.log.history({
        tenant,
        conversation,
        before: input.before ?? Number.MAX_SAFE_INTEGER,
        limit: Math.min(input.limit ?? env.limits.windowMessages, env.limits.maxHistoryPage),
        maxBytes: env.limits.pageBytes,
      })
      if (page === undefined) return yield* Effect.fail(chatError("conversation_not_found"))
      const mine = mineOf(page.reactions, userId)
      return yield* withUsers(env, tenant, [...page.messages, ...page.reactions], {
        conversationId: conversation,
        messages: page.messages.map(wireItem),
        reactions: page.reactions.map(wireItem),
        asOf: `${page.head.epoch}.${page.head.change}`,
        firstSeq: page.head.firstSeq,
        hasMore: page.more,
        ...(mine === undefined ? {} : { mine }),
      })
    })

/** A part of a window: the conversation, its members, then messages from `from` on, each page read when the one before has gone out. */
export type WindowPosition =
  | { readonly phase: "members"; readonly after?: string }
  | { readonly phase: "messages"; readonly from: number }

export interface WindowPlan {
  readonly head: ConversationHead
  readonly from: number
}

export interface WindowPage {
  readonly items: ReadonlyArray<Item>
  readonly next: WindowPosition | undefined
}

const MEMBERS_PER_PAGE = 200

/** The view begins with the last messages; its cursor is the head read before its first page, so that whatever moves meanwhile comes again as a change. */
export const planWindow = (env: Environment, head: ConversationHead): WindowPlan => ({
  head,
  from: Math.max(head.firstSeq, head.seq - env.limits.windowMessages + 1),
})

export const readWindowPage = (
  env: Environment,
  tenant: string,
  plan: WindowPlan,
  position: WindowPosition,
): Effect.Effect<WindowPage | undefined, EngineError> =>
  Effect.gen(function* () {
    const conversation = plan.head.id
    if (position.phase === "members") {
      const first = position.after === undefined
      const body = first ? (yield* env.log.get({ tenant, conversation, items: [conversation] }))?.items[0] : undefined
      const page = yield* env.log.members({
        tenant,
        conversation,
        limit: MEMBERS_PER_PAGE,
        ...(position.after === undefined ? {} : { after: position.after }),
      })
      if (page === undefined || (first && body === undefined)) return undefined
      const last = page.members.at(-1)
      return {
        items: body === undefined ? page.members : [body, ...page.members],
        next:
          page.more && last !== undefined
            ? { phase: "members", after: last.id }
            : plan.head.seq >= plan.from
              ? { phase: "messages", from: plan.from }
              : undefined,
      }
    }
    const page = yield* env.log.history({
      tenant,
      conversation,
      from: position.from,
      limit: env.limits.maxHistoryPage,
      maxBytes: env.limits.pageBytes,
    })
    if (page === undefined) return undefined
    const last = page.messages.at(-1)
    return {
      items: [...page.messages, ...page.reactions],
      // Messages above the plan's head come as changes: without this bound a busy conversation's window would never end.
      next: page.more && last !== undefined && last.seq < plan.head.seq ? { phase: "messages", from: last.seq + 1 } : undefined,
    }
  })
