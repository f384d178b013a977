/**
 * From the position of a client to the head of the log, as pages: every change since, or, where that cannot be served, a window of the newest
 * messages behind a `resync` that says why. Never an empty success.
 */
import * as Effect from "effect/Effect"
import type { EngineError, Environment } from "../engine/environment.ts"
import { planWindow, readWindowPage, type WindowPage, type WindowPosition } from "../engine/read.ts"
import { withUsers } from "../engine/users-sidecar.ts"
import type { ConversationHead } from "../domain/conversation.ts"
import { parseCursor } from "../domain/cursor.ts"
import type { Item } from "../domain/item.ts"
import type { Principal } from "../domain/principal.ts"
import { chatError } from "../protocol/errors.ts"
import { type ChangesFrame, mineOf, type ResyncReason, type ServerFrame, wireItem } from "../protocol/frames.ts"

/** Where pages go. */
export interface PageOutlet {
  readonly send: (frame: ServerFrame) => void
  /** Runs a task that reads a page and sends it, once little enough is queued. */
  readonly inTurn: <A, E>(task: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

/** Where to start for a cursor; the reason when it cannot be served. */
const startOf = (
  cursor: string | undefined,
  head: ConversationHead,
  maxBehind: number,
): { readonly after: number } | { readonly window: ResyncReason | undefined } => {
  if (cursor === undefined) return { window: undefined }
  const parsed = parseCursor(cursor)
  if (parsed === undefined) return { window: "unknown_cursor" }
  if (parsed.epoch !== head.epoch) return { window: "epoch_changed" }
  if (parsed.change > head.change) return { window: "unknown_cursor" }
  return head.change - parsed.change > maxBehind ? { window: "too_far_behind" } : { after: parsed.change }
}

export const changesFrame = (
  head: ConversationHead,
  userId: string,
  page: {
    readonly after: number
    readonly upTo: number
    readonly items: ReadonlyArray<Item>
    readonly more: boolean
    readonly from?: number
  },
): ChangesFrame => {
  const mine = mineOf(page.items, userId)
  return {
    type: "changes",
    conversationId: head.id,
    epoch: head.epoch,
    after: page.after,
    upTo: page.upTo,
    items: page.items.map(wireItem),
    firstSeq: head.firstSeq,
    more: page.more,
    ...(page.from === undefined ? {} : { window: { from: page.from } }),
    ...(mine === undefined ? {} : { mine }),
  }
}

/** The frames that bring a client from `cursor` to the head, page by page; returns the change it stands at then. */
export const catchUp = (
  env: Environment,
  principal: Principal,
  conversation: string,
  cursor: string | undefined,
  forced: ResyncReason | undefined,
  outlet: PageOutlet,
): Effect.Effect<number, EngineError> =>
  Effect.gen(function* () {
    const { tenant, userId } = principal
    const { head } = yield* env.access.look(principal, conversation, "read", [])
    const start = forced === undefined ? startOf(cursor, head, env.limits.maxChangesBehind) : { window: forced }
    if ("after" in start) return start.after
    if (start.window !== undefined) outlet.send({ type: "resync", conversationId: conversation, reason: start.window })
    const plan = planWindow(env, head)
    let position: WindowPosition | undefined = { phase: "members" }
    while (position !== undefined) {
      const page: WindowPage | undefined = yield* outlet.inTurn(
        Effect.tap(readWindowPage(env, tenant, plan, position), (read) => {
          if (read === undefined) return Effect.void
          const { items, next } = read
          const more = next !== undefined
          const frame = changesFrame(head, userId, { after: 0, upTo: head.change, items, more, from: plan.from })
          return Effect.map(withUsers(env, tenant, items, frame), (told) => outlet.send(told))
        }),
      )
      if (page === undefined) return yield* Effect.fail(chatError("conversation_not_found"))
      position = page.next
    }
    return head.change
  })
