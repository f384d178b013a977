import { describe, expect, it } from "vitest"
import { LogModel } from "../src/model/log-model.ts"
import type { LoggedItem } from "../src/model/wire-item.ts"

const said = (change: number, seq: number, more: object = {}): LoggedItem => ({
  kind: "message",
  id: `msg_${seq}`,
  change,
  seq,
  createdAt: 10,
  updatedAt: 10,
  author: { kind: "user", id: "ana" },
  parts: [{ type: "text", text: `words ${seq}` }],
  ...more,
})

const answer = (change: number, state: string, text: string, more: object = {}): LoggedItem =>
  said(change, 1, { parts: text === "" ? [] : [{ type: "text", text }], answer: { state, revision: 1 }, ...more })

const kindsOf = (...items: ReadonlyArray<LoggedItem>): ReadonlyArray<string> => {
  const log = new LogModel("room_1", "e1")
  log.apply(items)
  return [...new Set(log.violations.map(({ kind }) => kind))]
}

describe("the reference log answers", () => {
  const log = new LogModel("room_1", "e1")
  log.apply([said(1, 1), said(2, 2), said(3, 1, { updatedAt: 20, edits: 1 })])
  log.apply([
    { kind: "reactions", id: "rea_2", messageId: "msg_2", change: 4, createdAt: 30, updatedAt: 30, users: { "👍": ["ana"] } },
  ])

  it("with the state at any position: of each item the greatest change", () => {
    expect([...log.stateAt().values()].map(({ id, change }) => [id, change])).toEqual([
      ["msg_1", 3],
      ["msg_2", 2],
      ["rea_2", 4],
    ])
    expect([...log.stateAt(2).values()].map(({ id, change }) => [id, change])).toEqual([
      ["msg_1", 1],
      ["msg_2", 2],
    ])
    expect(log.stateAt(0).size).toBe(0)
  })

  it("with the items settled at a position: not those that changed after it", () => {
    expect(log.settledAt(2).map(({ id }) => id)).toEqual(["msg_2"])
    expect(log.settledAt(3).map(({ id }) => id)).toEqual(["msg_1", "msg_2"])
  })

  it("with the version that a change made, and with where reactions stand", () => {
    expect([log.version(3)?.id, log.version(5), log.newest("msg_1")?.change]).toEqual(["msg_1", undefined, 3])
    expect(log.seqOf(log.version(4)!)).toBe(2)
  })

  it("with reactions as the wire shows them: a count, and the first twenty users", () => {
    const users = Array.from({ length: 25 }, (_, i) => `user ${i}`)
    const big = new LogModel("room_1", "e1")
    big.apply([
      { kind: "reactions", id: "rea_1", messageId: "msg_1", change: 1, createdAt: 1, updatedAt: 1, users: { "👍": users } },
    ])
    expect(big.version(1)).toEqual({
      kind: "reactions",
      id: "rea_1",
      messageId: "msg_1",
      change: 1,
      createdAt: 1,
      updatedAt: 1,
      counts: [{ emoji: "👍", count: 25, users: users.slice(0, 20) }],
    })
  })

  it("alike for commits recorded out of order", () => {
    const shuffled = LogModel.of("room_1", "e1", [said(3, 1, { updatedAt: 20 }), said(1, 1), said(2, 2)])
    expect([shuffled.head, shuffled.violations]).toEqual([3, []])
  })
})

describe("the reference log finds no fault with", () => {
  it("a life from question to stopped answer and its deletion", () => {
    expect(
      kindsOf(
        answer(1, "pending", "", { answer: { state: "pending", revision: 0 } }),
        answer(2, "streaming", ""),
        answer(3, "stopping", ""),
        answer(4, "stopped", "half", { updatedAt: 12 }),
        answer(5, "stopped", "", { updatedAt: 12, deleted: { by: "ana" } }),
      ),
    ).toEqual([])
  })
})

describe("the reference log catches", () => {
  for (const [what, kind, items] of [
    ["a change left out", "change_not_dense", [said(1, 1), said(3, 2)]],
    ["a change given twice", "change_not_dense", [said(1, 1), said(1, 2)]],
    ["a seq left out", "seq_not_dense", [said(1, 1), said(2, 3)]],
    ["a seq given twice", "seq_not_dense", [said(1, 1), said(2, 1, { id: "msg_other" })]],
    ["a changed message that moved to another seq", "identity_changed", [said(1, 1), said(2, 2, { id: "msg_1" })]],
    ["a message that changed its author", "identity_changed", [said(1, 1), said(2, 1, { author: { kind: "system" } })]],
    ["a changed date of creation", "identity_changed", [said(1, 1), said(2, 1, { createdAt: 11, updatedAt: 11 })]],
    ["a date that goes back", "date_backwards", [said(1, 1), said(2, 2, { createdAt: 9, updatedAt: 9 })]],
    ["a new item with an old date of creation", "date_backwards", [said(1, 1), said(2, 2, { createdAt: 9 })]],
    ["a tombstone that speaks again", "tombstone_changed", [said(1, 1, { deleted: { by: "ana" }, parts: [] }), said(2, 1)]],
    ["a second terminal state", "terminal_changed", [answer(1, "complete", "all"), answer(2, "stopped", "all")]],
    ["a terminal answer that opens again", "terminal_changed", [answer(1, "failed", ""), answer(2, "streaming", "")]],
    ["text after the terminal state", "terminal_changed", [answer(1, "complete", "all"), answer(2, "complete", "all and more")]],
    ["a completion after a stop", "stop_lost", [answer(1, "stopping", ""), answer(2, "complete", "all")]],
    ["a stop taken back", "stop_lost", [answer(1, "stopping", ""), answer(2, "streaming", "")]],
    ["an open answer with text", "open_with_text", [answer(1, "streaming", "too early")]],
    [
      "a revision that goes back",
      "revision_backwards",
      [answer(1, "streaming", "", { answer: { state: "streaming", revision: 3 } }), answer(2, "complete", "all")],
    ],
  ] as const)
    it(what, () => {
      expect(kindsOf(...items)).toContain(kind)
    })
})
