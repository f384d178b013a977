import { beforeEach, describe, expect, it } from "vitest"

interface Held {
  readonly change: number
  readonly from: number
}
interface Store {
  readonly emptyConversation: (id: string) => Held
  readonly applyFrame: (held: Held, frame: object) => "changed" | "same" | "gap" | "gone"
  readonly applyHistory: (held: Held, page: object) => string
  readonly cursorOf: (held: Held) => string | undefined
  readonly heldAnswers: (held: Held) => ReadonlyArray<string>
  readonly shownMessages: (held: Held) => ReadonlyArray<{ readonly id: string }>
  readonly textOf: (held: Held, message: object) => string
  readonly hasOlder: (held: Held) => boolean
}
// The page is plain JavaScript, which browsers and this test load alike.
const store = (await import(new URL("../page/store.js", import.meta.url).href)) as Store
const { applyFrame, applyHistory, cursorOf, emptyConversation, hasOlder, heldAnswers, shownMessages, textOf } = store

const conversationId = "ses_1"
const message = (id: string, seq: number, change: number, text: string) => ({
  kind: "message",
  id,
  seq,
  change,
  author: { kind: "user", id: "ann" },
  parts: [{ type: "text", text }],
})
const answer = (id: string, seq: number, change: number, state: string, revision: number, text = "", variant = 1) => ({
  ...message(id, seq, change, text),
  author: { kind: "assistant", id: "assistant" },
  answer: { state, revision, variant, turn: "m1" },
})
const page = (items: ReadonlyArray<object>, after: number, upTo: number, more: Partial<Record<string, unknown>> = {}) => ({
  type: "changes",
  conversationId,
  epoch: "e",
  after,
  upTo,
  items,
  firstSeq: 1,
  more: false,
  ...more,
})
const live = (item: { readonly change: number }) => ({ type: "new_message", conversationId, change: item.change, item })
const delta = (revision: number, offset: number, text: string) => ({
  type: "answer_delta",
  conversationId,
  messageId: "a1",
  revision,
  part: 0,
  offset,
  text,
})
const window = { window: { from: 1 } }

const texts = (held: Held) => shownMessages(held).map((shown) => textOf(held, shown))

let held: Held
beforeEach(() => {
  held = emptyConversation(conversationId)
})

describe("the items", () => {
  it("begin with a window and go on with what is next", () => {
    expect(cursorOf(held)).toBeUndefined()
    expect(applyFrame(held, page([message("m1", 1, 3, "one")], 0, 3, window))).toBe("changed")
    expect(applyFrame(held, live(message("m2", 2, 4, "two")))).toBe("changed")
    expect([texts(held), cursorOf(held)]).toEqual([["one", "two"], "e.4"])
  })

  it("keep the version with the greatest change, whatever comes late or twice", () => {
    applyFrame(held, page([message("m1", 1, 5, "new")], 0, 5, window))
    applyFrame(held, live(message("m1", 1, 4, "old")))
    applyFrame(held, page([message("m1", 1, 3, "older")], 2, 4))
    applyHistory(held, { asOf: "e.9", messages: [message("m1", 1, 2, "oldest")], reactions: [], firstSeq: 1, hasMore: false })
    expect([texts(held), cursorOf(held)]).toEqual([["new"], "e.5"])
  })

  it.each([
    ["a live frame skips a change", live(message("m2", 2, 7, "x"))],
    ["a page begins above what is held", page([], 6, 8)],
    ["a page is of another epoch", page([], 3, 4, { epoch: "f" })],
    ["the subscription failed", { type: "unsubscribed", conversationId, code: "internal" }],
  ])("are asked for again when %s", (_what, frame) => {
    applyFrame(held, page([message("m1", 1, 3, "one")], 0, 3, window))
    expect(applyFrame(held, frame)).toBe("gap")
    expect([texts(held), cursorOf(held)]).toEqual([["one"], "e.3"])
  })

  it("are replaced by a window once its last page is here, and not before", () => {
    applyFrame(held, page([message("m1", 1, 3, "one")], 0, 3, window))
    applyFrame(held, { type: "resync", conversationId, reason: "epoch_changed" })
    const restored = { epoch: "f", window: { from: 1 } }
    expect(applyFrame(held, page([message("m8", 8, 8, "eight")], 0, 9, { ...restored, more: true }))).toBe("same")
    expect(texts(held)).toEqual(["one"])
    applyFrame(held, page([message("m9", 9, 9, "nine")], 0, 9, restored))
    expect([texts(held), cursorOf(held)]).toEqual([["eight", "nine"], "f.9"])
  })

  it("are given up when the conversation is gone", () => {
    expect(applyFrame(held, { type: "unsubscribed", conversationId, code: "conversation_not_found" })).toBe("gone")
  })

  it("reach back by pages of history", () => {
    applyFrame(held, page([message("m9", 9, 20, "nine")], 0, 20, { window: { from: 9 } }))
    expect(hasOlder(held)).toBe(true)
    applyHistory(held, { asOf: "e.20", messages: [message("m8", 8, 8, "eight")], reactions: [], firstSeq: 1, hasMore: true })
    expect([texts(held), held.from, hasOlder(held)]).toEqual([["eight", "nine"], 8, true])
    applyHistory(held, { asOf: "e.20", messages: [message("m1", 1, 1, "one")], reactions: [], firstSeq: 1, hasMore: false })
    expect([held.from, hasOlder(held)]).toEqual([1, false])
  })

  it("show of the answers to one message the newest alone", () => {
    const both = [answer("a1", 2, 2, "stopped", 1, "first"), answer("a2", 3, 3, "complete", 1, "second", 2)]
    applyFrame(held, page([message("m1", 1, 1, "one"), ...both], 0, 3, window))
    expect(texts(held)).toEqual(["one", "second"])
  })

  it("skip what this page does not know", () => {
    expect(applyFrame(held, { type: "typing_indicator", conversationId })).toBe("same")
  })
})

describe("the text of an open answer", () => {
  beforeEach(() => {
    applyFrame(held, page([message("m1", 1, 1, "q"), answer("a1", 2, 2, "streaming", 1)], 0, 2, window))
  })

  it("grows by deltas, overlap cut, repetition ignored", () => {
    expect(applyFrame(held, delta(1, 0, "Hello"))).toBe("changed")
    expect(applyFrame(held, delta(1, 3, "lo wor"))).toBe("changed")
    expect(applyFrame(held, delta(1, 0, "Hello"))).toBe("same")
    expect(texts(held)[1]).toBe("Hello wor")
    expect(heldAnswers(held)).toEqual(["a1@1.9"])
  })

  it("is asked for again when a delta lies ahead", () => {
    applyFrame(held, delta(1, 0, "Hello"))
    expect(applyFrame(held, delta(1, 6, "world"))).toBe("gap")
    expect(applyFrame(held, delta(2, 6, "world"))).toBe("gap")
    expect(texts(held)[1]).toBe("Hello")
  })

  it("begins again with a greater revision, and never goes back to a smaller one", () => {
    applyFrame(held, delta(1, 0, "old text"))
    expect(applyFrame(held, delta(2, 0, "new"))).toBe("changed")
    expect(applyFrame(held, delta(1, 8, " more"))).toBe("same")
    expect(texts(held)[1]).toBe("new")
  })

  it("is held over a window of the same history, so that a snapshot may bring only the rest", () => {
    applyFrame(held, delta(1, 0, "Hello"))
    applyFrame(held, page([answer("a1", 2, 2, "streaming", 1)], 0, 2, window))
    applyFrame(held, { ...delta(1, 5, " world"), type: "answer_snapshot" })
    expect(texts(held)).toEqual(["Hello world"])
  })

  it("is replaced by the item that ends it, after which no delta counts", () => {
    applyFrame(held, delta(1, 0, "Hel"))
    applyFrame(held, live(answer("a1", 2, 3, "complete", 1, "Hello world")))
    expect(applyFrame(held, delta(1, 3, "lo"))).toBe("same")
    expect([texts(held)[1], heldAnswers(held)]).toEqual(["Hello world", []])
  })
})
