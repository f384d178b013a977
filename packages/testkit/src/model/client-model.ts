/**
 * The reducer that a client of one conversation runs, and nothing else: state = map of item id → the version with the greatest
 * change. Fed with what a server sends, it keeps what the law speaks of and notes every frame that breaks a promise.
 *
 *     subscribe() ──▶ pages, live changes, text … ──▶ cut() ──▶ subscribe() …
 *
 * A window replaces members and the conversation at once and leaves everything outside it stale; while its pages come the
 * client has no position, so that one cut in the middle subscribes for a new window. An `unsubscribed` ends the subscription.
 */
import { addText, type AnswerText, settleText } from "./answer-text.ts"
import {
  type HistoryReply,
  LIVE_KINDS,
  type LiveChangeFrame,
  type ModelFrame,
  type PageFrame,
  type TextFrame,
} from "./model-frame.ts"
import { checkSuccession, checkVersion } from "./succession.ts"
import { type Violation, violation } from "./violation.ts"
import { contentOf, isOpenAnswer, isTerminalAnswer, type WireItem } from "./wire-item.ts"

export class ClientModel {
  readonly conversationId: string
  readonly #items = new Map<string, WireItem>()
  readonly #stale = new Set<string>()
  readonly #texts = new Map<string, AnswerText>()
  readonly #violations: Array<Violation> = []
  #connection: "cut" | "subscribed" | "unsubscribed" = "cut"
  #epoch: string | undefined
  #change: number | undefined
  #from: number | undefined
  #windowUpTo = 0
  /** Why a window may come: asked for by subscribing without a cursor, announced by a resync, or begun and not yet whole. */
  #window: "unexpected" | "asked" | "announced" | "begun" = "unexpected"
  #needsResubscribe = false

  constructor(conversationId: string) {
    this.conversationId = conversationId
  }

  /** Newest versions held, by item id. */
  get items(): ReadonlyMap<string, WireItem> {
    return this.#items
  }

  /** Of each open answer whose text is known: the revision and the text shown. */
  get texts(): ReadonlyMap<string, AnswerText> {
    return this.#texts
  }

  /** The position; `undefined` before the first page and while a window is not whole. */
  get change(): number | undefined {
    return this.#change
  }

  get epoch(): string | undefined {
    return this.#epoch
  }

  get cursor(): string | undefined {
    return this.#change === undefined ? undefined : `${this.#epoch}.${this.#change}`
  }

  /** All messages with their reactions are held from this seq on. */
  get from(): number | undefined {
    return this.#from
  }

  /** Where the last window ended: whoever had left by then is rightly absent. */
  get windowUpTo(): number {
    return this.#windowUpTo
  }

  /** A piece of text is missing, which only subscribing again brings. No fault of the server: hints may be lost. */
  get needsResubscribe(): boolean {
    return this.#needsResubscribe
  }

  get connection(): "cut" | "subscribed" | "unsubscribed" {
    return this.#connection
  }

  get violations(): ReadonlyArray<Violation> {
    return this.#violations
  }

  /** Whether an item lay outside the last window and was not seen since: it may be any old version. */
  isStale(id: string): boolean {
    return this.#stale.has(id)
  }

  /** Subscribes, also again over the same connection; returns what the request says. */
  subscribe(): { readonly cursor?: string; readonly answers: ReadonlyArray<string> } {
    const { cursor } = this
    this.#connection = "subscribed"
    this.#needsResubscribe = false
    this.#window = cursor === undefined ? "asked" : "unexpected"
    const answers = [...this.#texts].map(([id, { revision, text }]) => `${id}@${revision}.${text.length}`)
    return { ...(cursor === undefined ? {} : { cursor }), answers }
  }

  /** The connection is gone, or the client unsubscribed: nothing may come any more. */
  cut(): void {
    this.#connection = "cut"
  }

  accept(frame: ModelFrame): void {
    if (frame.conversationId !== this.conversationId)
      return this.#broken("other_conversation", `${frame.type} of ${frame.conversationId} came to ${this.conversationId}`)
    if (this.#connection !== "subscribed")
      return this.#broken("not_subscribed", `${frame.type} came to a client that is ${this.#connection}`)
    switch (frame.type) {
      case "changes":
        return frame.window === undefined ? this.#page(frame) : this.#windowPage(frame, frame.window.from)
      case "answer_delta":
      case "answer_snapshot":
        return this.#text(frame)
      case "resync":
        this.#window = "announced"
        // A cursor of the future would hold again once the log has grown, and hide what differs.
        this.#change = undefined
        return
      case "unsubscribed":
        this.#connection = "unsubscribed"
        return
      default:
        return this.#live(frame)
    }
  }

  /** A page of history widens the window downwards, unless a window was taken since it was read: then its items may be old. */
  acceptHistory(page: HistoryReply): void {
    if (page.epoch !== this.#epoch) return
    const seqs = page.items
      .flatMap((item) => (item.kind === "message" && item.seq !== undefined ? [item.seq] : []))
      .toSorted((a, b) => a - b)
    const [first] = seqs
    if (first !== undefined && seqs.some((seq, i) => seq !== first + i))
      this.#broken("history_malformed", `a page of history holds the seqs ${seqs.join(", ")}`)
    const fresh = this.#window !== "begun" && this.#window !== "announced" && page.asOf >= this.#windowUpTo
    for (const item of page.items) {
      const known = this.#items.has(item.id) && !this.#stale.has(item.id)
      this.#upsert(item, page.asOf)
      if (!fresh && !known) this.#stale.add(item.id)
    }
    const reaches = (seqs.at(-1) ?? 0) + 1
    if (fresh && first !== undefined && this.#from !== undefined && reaches >= this.#from)
      this.#from = Math.min(this.#from, first)
  }

  #windowPage(frame: PageFrame, from: number): void {
    if (this.#window === "unexpected") this.#broken("silent_window", `a window to ${frame.upTo} came without a resync`)
    if (this.#window !== "begun") this.#beginWindow(frame.epoch, from)
    else if (frame.epoch !== this.#epoch || from !== this.#from)
      this.#broken("page_malformed", `a window from ${this.#from} in ${this.#epoch} goes on from ${from} in ${frame.epoch}`)
    for (const item of frame.items) this.#upsert(item, frame.upTo)
    this.#window = frame.more ? "begun" : "unexpected"
    if (frame.more) return
    this.#change = frame.upTo
    this.#windowUpTo = frame.upTo
  }

  #beginWindow(epoch: string, from: number): void {
    if (epoch !== this.#epoch) {
      // Changes of two epochs cannot be compared, so nothing held says anything about the new one.
      this.#items.clear()
      this.#stale.clear()
      this.#texts.clear()
    }
    for (const item of this.#items.values())
      if (item.kind === "member" || item.kind === "conversation") this.#items.delete(item.id)
      else this.#stale.add(item.id)
    this.#epoch = epoch
    this.#from = from
    this.#change = undefined
  }

  #page(frame: PageFrame): void {
    if (this.#window === "announced" || this.#window === "begun")
      this.#broken("resync_without_window", `changes from ${frame.after} came where a window had been ${this.#window}`)
    if (this.#epoch !== undefined && frame.epoch !== this.#epoch)
      return this.#broken("epoch_changed", `changes of ${frame.epoch} came to a client in ${this.#epoch}`)
    const before = this.#change ?? 0
    if (frame.after > before) this.#broken("page_gap", `changes after ${frame.after} came to a client at ${before}`)
    if (!frame.more && frame.upTo < before)
      this.#broken("backwards", `the changes end at ${frame.upTo}, and the client is at ${before}`)
    let last = frame.after
    for (const item of frame.items) {
      if (item.change <= last || item.change > frame.upTo)
        this.#broken("page_malformed", `change ${item.change} follows ${last} in a page up to ${frame.upTo}`, item.id)
      last = item.change
      this.#upsert(item, frame.upTo)
    }
    if (frame.upTo < frame.after) this.#broken("page_malformed", `a page goes from ${frame.after} to ${frame.upTo}`)
    this.#window = "unexpected"
    this.#epoch = frame.epoch
    // Everything from the first change on is everything.
    if (this.#change === undefined) this.#from = 1
    this.#change = Math.max(before, frame.upTo)
  }

  #live(frame: LiveChangeFrame): void {
    const { change, item } = frame
    if (item.change !== change || item.kind !== LIVE_KINDS[frame.type])
      this.#broken("live_malformed", `${frame.type} of ${change} carries a ${item.kind} of ${item.change}`, item.id)
    if (this.#change === undefined)
      return this.#broken("live_before_window", `change ${change} came before there was anything to change`, item.id)
    if (change !== this.#change + 1) this.#broken("live_order", `change ${change} followed ${this.#change}`, item.id)
    this.#upsert(item, change)
    this.#change = Math.max(this.#change, change)
  }

  #text(frame: TextFrame): void {
    const item = this.#items.get(frame.messageId)
    if (item !== undefined && isTerminalAnswer(item)) {
      // History may have told the end before the stream came to it; what the stream says until then is late, not wrong.
      if (item.change <= (this.#change ?? 0))
        this.#broken("text_after_terminal", `text came after the answer was ${item.answer?.state}`, item.id)
      return
    }
    const step = addText(this.#texts.get(frame.messageId), frame)
    if (step.type === "shown") this.#texts.set(frame.messageId, step.text)
    else if (step.type === "gap") this.#needsResubscribe = true
    else if (step.type === "broken") this.#violations.push(step.violation)
  }

  /** `covers`: the position that whoever sent the version vouches for. */
  #upsert(item: WireItem, covers: number): void {
    const held = this.#items.get(item.id)
    this.#stale.delete(item.id)
    this.#violations.push(...checkVersion(item))
    if (held !== undefined && held.change >= item.change) {
      if (held.change === item.change) {
        if (contentOf(held) !== contentOf(item))
          this.#broken("two_versions", `change ${item.change} came in two versions`, item.id)
      } else if (held.change <= covers)
        this.#broken("backwards", `the version of ${item.change} came for that of ${held.change}, as of ${covers}`, item.id)
      return
    }
    if (held !== undefined) this.#violations.push(...checkSuccession(held, item))
    this.#items.set(item.id, item)
    const shown = this.#texts.get(item.id)
    if (shown !== undefined) {
      const { text, found } = settleText(shown, item)
      if (text === undefined) this.#texts.delete(item.id)
      else this.#texts.set(item.id, text)
      if (found !== undefined) this.#violations.push(found)
    } else if (isOpenAnswer(item) && item.answer !== undefined)
      this.#texts.set(item.id, { revision: item.answer.revision, text: "" })
  }

  #broken(kind: Violation["kind"], detail: string, itemId?: string): void {
    this.#violations.push(violation(kind, detail, itemId))
  }
}
