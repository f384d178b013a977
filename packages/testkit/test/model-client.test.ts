import type { ServerFrame } from "@parley/core/protocol"
import { describe, expect, it } from "vitest"
import { ClientModel } from "../src/model/client-model.ts"
import { isModelFrame, type LiveChangeFrame, type ModelFrame, type PageFrame, type TextFrame } from "../src/model/model-frame.ts"
import type { WireItem } from "../src/model/wire-item.ts"

const said = (seq: number, change: number, more: object = {}): WireItem => ({
  kind: "message",
  id: `msg_${seq}`,
  seq,
  change,
  ...more,
})
const answer = (seq: number, change: number, state: string, text: string, revision = 1): WireItem =>
  said(seq, change, { answer: { state, revision }, parts: text === "" ? [] : [{ type: "text", text }] })
const member = (user: string, change: number, status = "joined"): WireItem => ({
  kind: "member",
  id: `mem_${user}`,
  change,
  status,
})

const page = (after: number, upTo: number, items: ReadonlyArray<WireItem>, more: Partial<PageFrame> = {}): PageFrame => ({
  type: "changes",
  conversationId: "room_1",
  epoch: "e1",
  after,
  upTo,
  items,
  firstSeq: 1,
  more: false,
  ...more,
})
const windowFrom = (from: number, upTo: number, items: ReadonlyArray<WireItem>, more: Partial<PageFrame> = {}): PageFrame =>
  page(0, upTo, items, { window: { from }, ...more })
const live = (item: WireItem, change = item.change): LiveChangeFrame => ({
  type: item.kind === "member" ? "member_changed" : "message_updated",
  conversationId: "room_1",
  change,
  item,
})
const text = (offset: number, words: string, revision = 1, type: TextFrame["type"] = "answer_delta"): TextFrame => ({
  type,
  conversationId: "room_1",
  messageId: "msg_2",
  revision,
  part: 0,
  offset,
  text: words,
})
const resync: ModelFrame = { type: "resync", conversationId: "room_1", reason: "too_far_behind" }
const unsubscribed: ModelFrame = { type: "unsubscribed", conversationId: "room_1" }

const fed = (...frames: ReadonlyArray<ModelFrame>): ClientModel => {
  const client = new ClientModel("room_1")
  client.subscribe()
  for (const frame of frames) client.accept(frame)
  return client
}

const kindsOf = (client: ClientModel): ReadonlyArray<string> => client.violations.map(({ kind }) => kind)
const changesOf = (client: ClientModel) => Object.fromEntries([...client.items].map(([id, item]) => [id, item.change]))

/** At e1.5 with messages 1 and 2; 2 is an open answer of revision 1. */
const START = windowFrom(1, 5, [said(1, 3), answer(2, 5, "streaming", "")])

describe("the model of a client", () => {
  it("keeps the greatest change of each item, and its position", () => {
    const client = fed(windowFrom(3, 4, [said(3, 4), member("ana", 1)]), live(said(3, 5)), page(5, 9, [said(4, 7), said(3, 9)]))
    expect(changesOf(client)).toEqual({ msg_3: 9, msg_4: 7, mem_ana: 1 })
    expect([client.cursor, client.from, kindsOf(client)]).toEqual(["e1.9", 3, []])
  })

  it("subscribes with its cursor and what it shows of each open answer", () => {
    const client = fed(START, text(0, "Hel"), text(3, "lo"))
    client.cut()
    expect(client.subscribe()).toEqual({ cursor: "e1.5", answers: ["msg_2@1.5"] })
  })

  it("subscribes without a cursor at first, and when it was cut in the middle of a window", () => {
    const client = new ClientModel("room_1")
    expect(client.subscribe()).toEqual({ answers: [] })
    client.accept(windowFrom(1, 9, [said(1, 3)], { more: true }))
    expect(client.change).toBeUndefined()
    client.cut()
    expect(client.subscribe()).toEqual({ answers: [] })
  })

  it("subscribes without a cursor when it was cut before the window that a resync announced", () => {
    const client = fed(START, resync)
    client.cut()
    expect(client.subscribe()).not.toHaveProperty("cursor")
  })

  it("takes everything from the first change on for the whole log", () => {
    const client = fed(page(0, 2, [member("ana", 1), said(1, 2)]))
    expect([client.cursor, client.from, kindsOf(client)]).toEqual(["e1.2", 1, []])
  })

  it("lets a window replace members and leave what lies outside it stale", () => {
    const client = fed(
      windowFrom(1, 4, [said(1, 1), said(2, 2), member("ana", 3), member("ben", 4)]),
      resync,
      windowFrom(2, 90, [said(2, 80), member("ana", 3)]),
    )
    expect(changesOf(client)).toEqual({ msg_1: 1, msg_2: 80, mem_ana: 3 })
    expect([client.isStale("msg_1"), client.isStale("msg_2"), client.cursor]).toEqual([true, false, "e1.90"])
    expect(kindsOf(client)).toEqual([])
  })

  it("forgets everything of another epoch", () => {
    const client = fed(START, resync, windowFrom(1, 2, [said(1, 2)], { epoch: "e2" }))
    expect([changesOf(client), client.cursor, kindsOf(client)]).toEqual([{ msg_1: 2 }, "e2.2", []])
  })

  it("takes a snapshot for the rest of what it holds, and a new revision for a new text", () => {
    const client = fed(START, text(0, "Hello"), text(5, " you", 1, "answer_snapshot"), text(3, "lo y"), text(0, "New", 2))
    expect([client.texts.get("msg_2"), kindsOf(client)]).toEqual([{ revision: 2, text: "New" }, []])
  })

  it("skips text of an older revision, and of parts it does not know", () => {
    const client = fed(START, text(0, "New", 2), text(0, "late", 1), { ...text(0, "thoughts", 2), part: 1 })
    expect([client.texts.get("msg_2")?.text, client.needsResubscribe, kindsOf(client)]).toEqual(["New", false, []])
  })

  it("drops the text of a revision that the item has left behind", () => {
    const client = fed(START, text(0, "Hello"), live(answer(2, 6, "streaming", "", 2)), text(5, " you", 1))
    expect([client.texts.get("msg_2"), kindsOf(client)]).toEqual([{ revision: 2, text: "" }, []])
  })

  it("lets a tombstone end the text", () => {
    const tombstone = { ...answer(2, 6, "stopped", ""), deleted: { by: "ana" } }
    const client = fed(START, text(0, "Hello"), live(tombstone))
    expect([client.texts.size, kindsOf(client)]).toEqual([0, []])
  })

  it("asks to subscribe again after a gap in the text, which is nobody's fault", () => {
    const client = fed(START, text(0, "Hel"), text(6, "you"))
    expect([client.needsResubscribe, client.texts.get("msg_2")?.text, kindsOf(client)]).toEqual([true, "Hel", []])
    client.subscribe()
    expect(client.needsResubscribe).toBe(false)
  })

  it("ends the text where the terminal item carries it on", () => {
    const client = fed(START, text(0, "Hel"), live(answer(2, 6, "complete", "Hello")))
    expect([client.texts.size, kindsOf(client)]).toEqual([0, []])
  })

  it("lets a terminal item of a greater revision replace everything shown", () => {
    const client = fed(START, text(0, "Hel"), live(answer(2, 6, "interrupted", "Other", 2)))
    expect([client.texts.size, kindsOf(client)]).toEqual([0, []])
  })

  it("widens its window by history that reaches it", () => {
    const client = fed(windowFrom(5, 9, [said(5, 9)]))
    client.acceptHistory({ epoch: "e1", asOf: 12, items: [said(3, 12), said(4, 2)] })
    expect([client.from, client.isStale("msg_3"), kindsOf(client)]).toEqual([3, false, []])
    client.acceptHistory({ epoch: "e1", asOf: 12, items: [said(1, 1)] })
    expect(client.from).toBe(3)
  })

  it("keeps history that is older than its window for stale", () => {
    const client = fed(windowFrom(5, 9, [said(5, 9)]))
    client.acceptHistory({ epoch: "e1", asOf: 8, items: [said(4, 2)] })
    expect([client.from, client.isStale("msg_4")]).toEqual([5, true])
    client.acceptHistory({ epoch: "e0", asOf: 80, items: [said(3, 2)] })
    expect(client.items.has("msg_3")).toBe(false)
  })

  it("keeps history for stale while a window is announced or not whole, and what it knows for fresh", () => {
    const client = fed(windowFrom(5, 9, [said(5, 9)]))
    client.acceptHistory({ epoch: "e1", asOf: 8, items: [said(5, 9)] })
    expect(client.isStale("msg_5")).toBe(false)
    client.accept(resync)
    client.acceptHistory({ epoch: "e1", asOf: 10, items: [said(4, 2)] })
    client.accept(windowFrom(5, 19, [said(5, 9)], { more: true }))
    client.acceptHistory({ epoch: "e1", asOf: 10, items: [said(3, 2)] })
    expect([client.from, client.isStale("msg_4"), client.isStale("msg_3")]).toEqual([5, true, true])
  })

  it("never gives up a version that history showed ahead of the stream", () => {
    const client = fed(START)
    client.acceptHistory({ epoch: "e1", asOf: 7, items: [said(1, 7), answer(2, 5, "streaming", "")] })
    client.accept(live(said(1, 6)))
    client.accept(live(said(1, 7)))
    expect([client.items.get("msg_1")?.change, client.cursor, kindsOf(client)]).toEqual([7, "e1.7", []])
  })

  it("takes late text for late while history alone has told the end", () => {
    const client = fed(START)
    client.acceptHistory({ epoch: "e1", asOf: 7, items: [answer(2, 7, "complete", "Hello")] })
    client.accept(text(0, "Hel"))
    client.accept(live(said(1, 6)))
    client.accept(live(answer(2, 7, "complete", "Hello")))
    expect(kindsOf(client)).toEqual([])
  })

  it("takes the frames of the protocol that concern the law, and knows them from the others", () => {
    const client = new ClientModel("room_1")
    client.subscribe()
    const frames: ReadonlyArray<ServerFrame> = [
      { type: "pong", id: "1" },
      { type: "changes", conversationId: "room_1", epoch: "e1", after: 0, upTo: 0, items: [], firstSeq: 1, more: false },
      { type: "reply", id: "2" },
      { type: "unsubscribed", conversationId: "room_1", code: "conversation_not_found" },
    ]
    const taken = frames.filter(isModelFrame)
    for (const frame of taken) client.accept(frame)
    expect(taken.map(({ type }) => type)).toEqual(["changes", "unsubscribed"])
    expect([client.cursor, client.connection]).toEqual(["e1.0", "unsubscribed"])
  })
})

describe("the model of a client catches", () => {
  for (const [what, kind, frames] of [
    ["a live change that leaves one out", "live_order", [START, live(said(3, 7))]],
    ["a live change that comes twice", "live_order", [START, live(said(3, 6)), live(said(3, 6))]],
    ["live changes in the wrong order", "live_order", [START, live(said(3, 7)), live(said(1, 6))]],
    ["a live change before any page", "live_before_window", [live(said(1, 1))]],
    ["a live change in the middle of a window", "live_before_window", [{ ...START, more: true }, live(said(3, 6))]],
    ["a live frame that carries another change", "live_malformed", [START, live(said(3, 5), 6)]],
    ["a live frame that carries another kind", "live_malformed", [START, { ...live(said(3, 6)), type: "member_changed" }]],
    ["pages that leave changes out", "page_gap", [START, page(7, 9, [said(3, 8)])]],
    ["a page that is not in order", "page_malformed", [START, page(5, 9, [said(3, 8), said(1, 7)])]],
    ["a page with a change it does not cover", "page_malformed", [START, page(5, 7, [said(3, 8)])]],
    ["a page that ends before it begins", "page_malformed", [START, page(5, 3, [], { more: true })]],
    ["a window that goes on from another seq", "page_malformed", [{ ...START, more: true }, windowFrom(2, 5, [])]],
    ["an answer from an older head", "backwards", [START, page(3, 4, [])]],
    ["a window with an older version", "backwards", [START, resync, windowFrom(1, 9, [said(1, 2)])]],
    ["one change in two versions", "two_versions", [START, resync, windowFrom(1, 9, [said(1, 3, { edits: 1 })])]],
    ["a window without a resync", "silent_window", [START, START]],
    ["changes where a window was announced", "resync_without_window", [START, resync, page(5, 6, [said(3, 6)])]],
    ["changes where a window is not whole", "resync_without_window", [{ ...START, more: true }, page(5, 6, [said(3, 6)])]],
    ["changes of another epoch", "epoch_changed", [START, page(5, 6, [said(3, 6)], { epoch: "e2" })]],
    ["a frame of another conversation", "other_conversation", [{ ...START, conversationId: "room_2" }]],
    ["a frame after lost access", "not_subscribed", [START, unsubscribed, live(said(3, 6))]],
    ["text that contradicts what was shown", "text_diverges", [START, text(0, "Hello"), text(3, "p me")]],
    [
      "a snapshot that contradicts what was shown",
      "text_diverges",
      [START, text(0, "Hello"), text(0, "Help", 1, "answer_snapshot")],
    ],
    [
      "an ending of which the text shown is no prefix",
      "text_diverges",
      [START, text(0, "Help"), live(answer(2, 6, "complete", "Hello"))],
    ],
    ["an ending shorter than the text shown", "text_diverges", [START, text(0, "Hello"), live(answer(2, 6, "stopped", "Hel"))]],
    ["an ending of an older revision", "revision_backwards", [START, text(0, "Hey", 2), live(answer(2, 6, "complete", "Hello"))]],
    ["text after the end", "text_after_terminal", [START, live(answer(2, 6, "complete", "Hello")), text(5, " you")]],
    ["half of a surrogate pair", "text_ill_formed", [START, text(0, "\uD83D")]],
    ["an open answer with text", "open_with_text", [START, live(answer(2, 6, "streaming", "Hel"))]],
    [
      "a second terminal state",
      "terminal_changed",
      [START, page(5, 6, [answer(2, 6, "failed", "")]), live(answer(2, 7, "complete", ""))],
    ],
    [
      "a completion after a stop",
      "stop_lost",
      [START, live(answer(2, 6, "stopping", "")), live(answer(2, 7, "complete", "Hello"))],
    ],
  ] as ReadonlyArray<readonly [string, string, ReadonlyArray<ModelFrame>]>)
    it(what, () => {
      expect(kindsOf(fed(...frames))).toContain(kind)
    })

  it("a frame that comes to a cut connection", () => {
    const client = fed(START)
    client.cut()
    client.accept(live(said(3, 6)))
    expect(kindsOf(client)).toEqual(["not_subscribed"])
  })

  it("a page of history with a hole", () => {
    const client = fed(windowFrom(5, 9, [said(5, 9)]))
    client.acceptHistory({ epoch: "e1", asOf: 9, items: [said(2, 2), said(4, 4)] })
    expect(kindsOf(client)).toEqual(["history_malformed"])
  })

  it("a page of history with an older version than it vouches for", () => {
    const client = fed(START)
    client.acceptHistory({ epoch: "e1", asOf: 5, items: [said(1, 2)] })
    expect(kindsOf(client)).toEqual(["backwards"])
  })
})
