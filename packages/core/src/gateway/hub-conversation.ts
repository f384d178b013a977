/**
 * One conversation on this node: where its log stands, who reads it live, and what happened in this tick. Plain synchronous state; the hub feeds
 * it with events and with what it read from the log.
 *
 * Invariants:
 * - H1 `head` only grows, by exactly what was delivered: change n+1, or a page that begins at `head`.
 * - H2 a live reader stands at `head` once the tick is flushed.
 * - H3 a reader is live only from the moment its position is `head` or beyond, with nothing unflushed: nothing is lost, nothing comes twice.
 */
import type { Item } from "../domain/item.ts"
import type { OpenAnswer } from "../ports/answer-leases.ts"
import type { AnswerDelta } from "../ports/event-bus.ts"
import { type ChangesFrame, type LiveFrame, liveTypeOf, wireItem } from "../protocol/frames.ts"
import { type AnswerBook, makeAnswerBook } from "./answer-book.ts"
import { type LiveBatch, liveBatchOf, type LiveEntry } from "./batch.ts"

/** Somebody on this node who follows a conversation. */
export interface Reader {
  readonly userId: string
  /** The change its client stands at. Moved by the reader itself. */
  readonly position: () => number
  readonly deliver: (live: LiveBatch) => void
  /** Access may have been taken away: look again. */
  readonly recheck: () => void
  /** The store's history is another one: begin again with a window. */
  readonly reset: () => void
  /** The conversation is gone. */
  readonly gone: () => void
}

export interface HubConversation {
  readonly tenant: string
  readonly id: string
  readonly answers: AnswerBook
  readonly readers: Set<Reader>
  readonly live: Set<Reader>
  epoch: string
  head: number
  /** The greatest change heard of: above `head` there is a gap. */
  seen: number
  lastSeq: number
  accessVersion: number
  /** The log is being read for a gap. */
  repairing: boolean
  /** Ticks without a reader. */
  unused: number
  /** A change with its body: delivered when it is next, else only heard of. */
  readonly applyChange: (change: number, item: Item | undefined) => void
  readonly applyPage: (page: { readonly items: ReadonlyArray<Item>; readonly upTo: number; readonly firstSeq: number }) => void
  readonly applyDelta: (delta: AnswerDelta) => void
  readonly applyCheckpoints: (open: ReadonlyArray<OpenAnswer>) => void
  /** Hands this tick's entries to the live readers. */
  readonly flush: () => void
  /** Makes a reader live when it stands at the head or beyond, or can be brought there from what happened recently. */
  readonly goLive: (reader: Reader) => boolean
  /** Somebody read the log up to this change: if that is more than was heard of here, it is read here too. */
  readonly hear: (change: number) => void
}

/** Recent changes kept to bring a reader from the end of its catch-up to the head without another read. */
const RECENT = 64
/** As a page, approximately: beyond it reading the log is as good. */
const RECENT_LENGTH = 65_536

export const makeHubConversation = (
  tenant: string,
  id: string,
  at: { readonly epoch: string; readonly head: number; readonly lastSeq: number; readonly accessVersion: number },
  markDirty: (conversation: HubConversation) => void,
  catchUp: (conversation: HubConversation) => void,
): HubConversation => {
  const answers = makeAnswerBook()
  const readers = new Set<Reader>()
  const live = new Set<Reader>()
  let pending: Array<LiveEntry> = []
  let flushedHead = at.head
  let recent: Array<LiveEntry & { readonly upTo: number; readonly after: number }> = []
  let recentLength = 0

  const push = (entry: LiveEntry): void => {
    if (pending.length === 0) markDirty(conversation)
    pending.push(entry)
  }
  const remember = (text: string, after: number, upTo: number): void => {
    recent.push({ text, after, upTo })
    recentLength += text.length
    while (recent.length > RECENT || recentLength > RECENT_LENGTH) recentLength -= (recent.shift() as LiveEntry).text.length
  }
  const note = (item: Item): void => {
    answers.applyItem(item)
    if (item.kind === "message" && item.seq > conversation.lastSeq) conversation.lastSeq = item.seq
    if (item.kind === "member" && item.status !== "joined")
      for (const reader of readers) if (reader.userId === item.userId) reader.recheck()
  }
  const pushDeltas = (deltas: ReadonlyArray<AnswerDelta>): void => {
    for (const { answer, revision, part, offset, text } of deltas)
      push({
        text: JSON.stringify({ type: "answer_delta", conversationId: id, messageId: answer, revision, part, offset, text }),
        delta: { answer, revision, offset, end: offset + text.length },
      })
  }

  const conversation: HubConversation = {
    tenant,
    id,
    answers,
    readers,
    live,
    epoch: at.epoch,
    head: at.head,
    seen: at.head,
    lastSeq: at.lastSeq,
    accessVersion: at.accessVersion,
    repairing: false,
    unused: 0,
    applyChange: (change, item) => {
      if (change <= conversation.head) return
      if (change > conversation.seen) conversation.seen = change
      if (change !== conversation.head + 1 || item === undefined || conversation.repairing) return
      const frame: LiveFrame = { type: liveTypeOf(item, conversation.lastSeq), conversationId: id, change, item: wireItem(item) }
      const text = JSON.stringify(frame)
      conversation.head = change
      note(item)
      push({ text, upTo: change })
      remember(text, change - 1, change)
    },
    applyPage: (page) => {
      if (page.upTo <= conversation.head) return
      const frame: ChangesFrame = {
        type: "changes",
        conversationId: id,
        epoch: conversation.epoch,
        after: conversation.head,
        upTo: page.upTo,
        items: page.items.map(wireItem),
        firstSeq: page.firstSeq,
        more: false,
      }
      const text = JSON.stringify(frame)
      const after = conversation.head
      conversation.head = page.upTo
      if (page.upTo > conversation.seen) conversation.seen = page.upTo
      for (const item of page.items) note(item)
      push({ text, upTo: page.upTo })
      remember(text, after, page.upTo)
    },
    applyDelta: (delta) => pushDeltas(answers.applyDelta(delta)),
    applyCheckpoints: (open) => pushDeltas(answers.applyCheckpoints(open)),
    flush: () => {
      if (pending.length === 0) return
      const batch = liveBatchOf(pending, flushedHead, conversation.head)
      pending = []
      flushedHead = conversation.head
      for (const reader of live) reader.deliver(batch)
    },
    goLive: (reader) => {
      conversation.flush()
      const position = reader.position()
      if (position < conversation.head) {
        const from = recent.findIndex((entry) => entry.after === position)
        if (from === -1) return false
        live.add(reader)
        reader.deliver(liveBatchOf(recent.slice(from), position, conversation.head))
        return true
      }
      live.add(reader)
      conversation.hear(position)
      return true
    },
    hear: (change) => {
      // It was read after a commit whose hint is still on its way, or lost.
      if (change > conversation.seen) conversation.seen = change
      catchUp(conversation)
    },
  }
  return conversation
}
