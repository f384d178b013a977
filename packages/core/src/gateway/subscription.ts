/**
 * One conversation followed over one connection: bring the client to the head, then hand it what happens.
 *
 *     catching up ──at the head──▶ live ──too much queued──▶ catching up
 *          └──────────access lost, conversation gone──────────────┴──▶ ended
 *
 * Nothing is buffered while it catches up: what happens meanwhile stands in the log and is read from there.
 */
import * as Effect from "effect/Effect"
import type { EngineError, Environment } from "../engine/environment.ts"
import { planWindow, readWindowPage, type WindowPage, type WindowPosition } from "../engine/read.ts"
import type { ConversationHead } from "../domain/conversation.ts"
import { parseCursor } from "../domain/cursor.ts"
import type { Item } from "../domain/item.ts"
import type { ChangesPage } from "../ports/conversation-log.ts"
import type { Principal } from "../domain/principal.ts"
import { chatError } from "../protocol/errors.ts"
import { type ChangesFrame, mineOf, type ResyncReason, type ServerFrame, wireItem } from "../protocol/frames.ts"
import type { HeldAnswer } from "../protocol/held-answers.ts"
import { type Batch, batchOf, type LiveBatch, type LiveEntry } from "./batch.ts"
import type { HubConversation, Reader } from "./hub-conversation.ts"
import type { Hub } from "./hub.ts"

/** Where pages go. */
export interface PageOutlet {
  readonly send: (frame: ServerFrame) => void
  /** Runs a task that reads a page and sends it, once little enough is queued. */
  readonly inTurn: <A, E>(task: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

/** What a subscription needs of its connection. */
export interface Outlet extends PageOutlet {
  readonly write: (batch: Batch) => void
  /** Whether so much more may be queued: the bound of a slow reader. */
  readonly hasRoom: (length: number, kind: "frame" | "delta" | "frames") => boolean
  readonly fork: (task: Effect.Effect<void, EngineError>) => () => void
  readonly ended: (conversation: string) => void
}

export interface Subscription {
  readonly end: () => void
  /** Where the client stands once it has taken all that was sent: absent until it was brought somewhere, and while a window is under way. */
  readonly cursor: () => string | undefined
  /** What was queued has gone out. */
  readonly drained: () => void
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
        Effect.tap(readWindowPage(env, tenant, plan, position), (read) =>
          Effect.sync(() => {
            if (read === undefined) return
            const { items, next } = read
            const more = next !== undefined
            outlet.send(changesFrame(head, userId, { after: 0, upTo: head.change, items, more, from: plan.from }))
          }),
        ),
      )
      if (page === undefined) return yield* Effect.fail(chatError("conversation_not_found"))
      position = page.next
    }
    return head.change
  })

const PAGE_ITEMS = 500

export const makeSubscription = (
  env: Environment,
  hub: Hub,
  outlet: Outlet,
  principal: Principal,
  conversationId: string,
  from: { readonly cursor?: string | undefined; readonly held: ReadonlyArray<HeldAnswer> },
): Subscription => {
  const { tenant, userId } = principal
  let position = 0
  /** Until `position` is the client's: the cursor it came with, as long as that holds. */
  let cameWith = from.cursor
  let positioned = false
  let state: "catching_up" | "live" | "ended" = "catching_up"
  let joined: HubConversation | undefined
  /** Live, but its pages told of changes that the hub has yet to read: texts it keeps may be of answers that have ended. */
  let ahead = false
  let stopTask: () => void = () => {}
  /** Text of open answers that the client holds, or that it lost to a full queue: where its next snapshot begins. */
  const resumeAt = new Map<string, { readonly revision: number; readonly length: number }>(
    from.held.map((held) => [held.messageId, { revision: held.revision, length: held.length }]),
  )

  const cursor = (): string | undefined => (positioned ? `${joined?.epoch}.${position}` : cameWith)
  /** What a client holds beside a resync is no position any more. */
  const toWindow: PageOutlet = {
    send: (frame) => {
      if (frame.type === "resync") {
        positioned = false
        cameWith = undefined
      }
      outlet.send(frame)
    },
    inTurn: outlet.inTurn,
  }

  const leaveLive = (): void => {
    state = "catching_up"
    if (joined === undefined) return
    joined.live.delete(reader)
    for (const [answer, { revision, text }] of joined.answers.open())
      if (!resumeAt.has(answer)) resumeAt.set(answer, { revision, length: text.length })
  }

  const end = (code?: "conversation_not_found" | "internal"): void => {
    if (state === "ended") return
    state = "ended"
    stopTask()
    if (joined !== undefined) hub.detach(joined, reader)
    if (code !== undefined) {
      outlet.send({ type: "unsubscribed", conversationId, code })
      outlet.ended(conversationId)
    }
  }

  const failed = (error: EngineError): Effect.Effect<void> =>
    error._tag === "ChatError" && error.code === "conversation_not_found"
      ? Effect.sync(() => end("conversation_not_found"))
      : Effect.andThen(
          Effect.logError("a subscription failed", { conversation: conversationId, error }),
          Effect.sync(() => end("internal")),
        )

  const begin = (start: string | undefined, forced?: ResyncReason): void => {
    stopTask()
    stopTask = outlet.fork(Effect.catch(run(start, forced), failed))
  }

  /** `always`: even an empty page is said, so that the client learns that its cursor is the head. */
  const nextPage = (always: boolean): Effect.Effect<ChangesPage | undefined, EngineError> =>
    Effect.tap(
      env.log.changes({
        tenant,
        conversation: conversationId,
        after: position,
        limit: PAGE_ITEMS,
        maxBytes: env.limits.pageBytes,
      }),
      (page) =>
        Effect.sync(() => {
          if (page === undefined) return
          const { head, items, upTo, more } = page
          if (always || upTo > position) outlet.send(changesFrame(head, userId, { after: position, upTo, items, more }))
          position = upTo
        }),
    )

  const run = (start: string | undefined, forced: ResyncReason | undefined): Effect.Effect<void, EngineError> =>
    Effect.gen(function* () {
      // Never ends inside `makeSubscription`: the connection lists a subscription only once it has it.
      yield* Effect.yieldNow
      joined = yield* hub.attach(tenant, conversationId, reader)
      position = yield* catchUp(env, principal, conversationId, start, forced, toWindow)
      positioned = true
      for (let first = start !== undefined && forced === undefined; ; first = false) {
        const page = yield* outlet.inTurn(nextPage(first))
        if (page === undefined) return yield* Effect.fail(chatError("conversation_not_found"))
        if (!page.more && (yield* Effect.sync(tryLive))) return
      }
    })

  const tryLive = (): boolean => {
    if (joined === undefined || !joined.goLive(reader)) return false
    // What brought it to the head did not fit into its queue: another catch-up has begun.
    if (!joined.live.has(reader)) return true
    state = "live"
    ahead = joined.head < position
    if (!ahead) sendAllSnapshots()
    return true
  }

  const sendAllSnapshots = (): void => {
    for (const messageId of joined?.answers.open().keys() ?? [])
      if (!resumeAt.has(messageId)) resumeAt.set(messageId, { revision: 0, length: 0 })
    sendSnapshots()
  }

  /** Of the answers whose text the client has to get back; those that find no room wait until the queue has drained. */
  const sendSnapshots = (): void => {
    for (const [messageId, held] of resumeAt) {
      const open = joined?.answers.open().get(messageId)
      if (open !== undefined) {
        const { revision, text } = open
        const offset = held.revision === revision && held.length <= text.length ? held.length : 0
        if (!outlet.hasRoom(text.length - offset, "frame")) return
        outlet.send({ type: "answer_snapshot", conversationId, messageId, revision, part: 0, offset, text: text.slice(offset) })
      }
      resumeAt.delete(messageId)
    }
  }

  /** From here on the text of this answer is the client's no more, until a snapshot. */
  const lose = (delta: NonNullable<LiveEntry["delta"]>): void => {
    const lost = resumeAt.get(delta.answer)
    if (lost === undefined) resumeAt.set(delta.answer, { revision: delta.revision, length: delta.offset })
    // A greater revision has nothing in common with what was lost of the older one.
    else if (lost.revision < delta.revision) resumeAt.set(delta.answer, { revision: delta.revision, length: 0 })
  }

  const deliverSome = (live: LiveBatch): void => {
    let kept: Array<string> = []
    let length = 0
    const writeKept = (): void => {
      if (kept.length > 0) outlet.write(batchOf(kept))
      kept = []
      length = 0
    }
    const hasRoom = (text: string, kind: "frame" | "delta"): boolean => {
      if (length > 0 && outlet.hasRoom(length + text.length, "frames")) return true
      // The network may take at once what is written now.
      writeKept()
      return outlet.hasRoom(text.length, kind)
    }
    for (const [i, entry] of live.entries.entries()) {
      const { text, upTo, delta } = entry
      if (upTo === undefined ? ahead : upTo <= position) continue
      if (delta !== undefined && (resumeAt.has(delta.answer) || !hasRoom(text, "delta"))) {
        lose(delta)
        continue
      }
      if (upTo !== undefined && !hasRoom(text, "frame")) {
        writeKept()
        for (const rest of live.entries.slice(i)) if (rest.delta !== undefined) lose(rest.delta)
        leaveLive()
        begin(`${joined?.epoch}.${position}`)
        return
      }
      kept.push(text)
      length += text.length
      if (upTo !== undefined) position = upTo
    }
    writeKept()
    if (!ahead || live.upTo < position) return
    ahead = false
    sendAllSnapshots()
  }

  const reader: Reader = {
    userId,
    position: () => position,
    deliver: (live) => {
      if (!ahead && live.after === position && resumeAt.size === 0 && outlet.hasRoom(live.batch.length, "frames")) {
        position = live.upTo
        outlet.write(live.batch)
      } else deliverSome(live)
    },
    recheck: () =>
      void outlet.fork(
        Effect.catch(Effect.asVoid(env.access.look(principal, conversationId, "read", [])), (error) =>
          error._tag === "ChatError"
            ? Effect.sync(() => end("conversation_not_found"))
            : Effect.logWarning("access could not be read again", { conversation: conversationId, reason: error.message }),
        ),
      ),
    reset: () => {
      if (state === "ended") return
      // Of the old epoch, until the client was told of the new one.
      cameWith = cursor()
      positioned = false
      state = "catching_up"
      if (joined !== undefined) hub.detach(joined, reader)
      resumeAt.clear()
      begin(undefined, "epoch_changed")
    },
    gone: () => end("conversation_not_found"),
  }

  begin(from.cursor)
  return {
    end: () => end(),
    cursor,
    drained: () => {
      if (state === "live" && !ahead) sendSnapshots()
    },
  }
}
