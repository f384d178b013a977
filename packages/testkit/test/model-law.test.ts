import { describe, expect, it } from "vitest"
import { ClientModel } from "../src/model/client-model.ts"
import { agree, checkLaw } from "../src/model/law.ts"
import { LogModel } from "../src/model/log-model.ts"
import type { ModelFrame } from "../src/model/model-frame.ts"
import type { LoggedItem, WireItem } from "../src/model/wire-item.ts"

const item = (kind: string, id: string, change: number, more: object = {}): LoggedItem => ({
  kind,
  id,
  change,
  createdAt: 1,
  updatedAt: 1,
  ...more,
})

/** Ben left at 6; message 1 was edited at 7; message 2 got a reaction at 8. */
const ITEMS: ReadonlyArray<LoggedItem> = [
  item("conversation", "room_1", 1),
  item("member", "mem_ana", 2, { status: "joined" }),
  item("member", "mem_ben", 3, { status: "joined" }),
  item("message", "msg_1", 4, { seq: 1 }),
  item("message", "msg_2", 5, { seq: 2 }),
  item("member", "mem_ben", 6, { status: "left" }),
  item("message", "msg_1", 7, { seq: 1, edits: 1 }),
  item("reactions", "rea_2", 8, { messageId: "msg_2", users: { "👍": ["ana"], a: ["ben"] } }),
]
const log = LogModel.of("room_1", "e1", ITEMS)
const at = (change: number): WireItem => log.version(change)!

const holding = (from: number, upTo: number, items: ReadonlyArray<WireItem>, epoch = "e1"): ClientModel => {
  const client = new ClientModel("room_1")
  client.subscribe()
  const window = {
    type: "changes",
    conversationId: "room_1",
    epoch,
    after: 0,
    upTo,
    items,
    firstSeq: 1,
    more: false,
    window: { from },
  } as const
  client.accept(window)
  return client
}

const kindsOf = (client: ClientModel) =>
  checkLaw(log, client).map(({ kind, itemId }) => (itemId === undefined ? kind : `${kind} ${itemId}`))

const WHOLE = [at(1), at(2), at(5), at(7), at(8)]

describe("the law holds", () => {
  it("for a client that holds the newest of everything, and of the members those who are there", () => {
    expect(kindsOf(holding(1, 8, WHOLE))).toEqual([])
  })

  it("for a client behind the head: what changed after its position is excused", () => {
    const client = new ClientModel("room_1")
    client.subscribe()
    const items = [at(1), at(2), at(3), at(4)]
    client.accept({ type: "changes", conversationId: "room_1", epoch: "e1", after: 0, upTo: 4, items, firstSeq: 1, more: false })
    expect(kindsOf(client)).toEqual([])
  })

  it("for a window: what lies below it is not asked for", () => {
    expect(kindsOf(holding(2, 8, [at(1), at(2), at(5), at(8)]))).toEqual([])
  })

  it("for stale items outside the window, however old", () => {
    const client = holding(1, 5, [at(1), at(2), at(3), at(4), at(5)])
    client.accept({ type: "resync", conversationId: "room_1", reason: "too_far_behind" })
    const items = [at(1), at(2), at(5), at(8)]
    client.accept({
      type: "changes",
      conversationId: "room_1",
      epoch: "e1",
      after: 0,
      upTo: 8,
      items,
      firstSeq: 1,
      more: false,
      window: { from: 2 },
    })
    expect([client.items.get("msg_1")?.change, kindsOf(client)]).toEqual([4, []])
  })

  it("for reactions whose emojis come in another order", () => {
    const { counts, ...rest } = at(8)
    expect(kindsOf(holding(1, 8, [at(1), at(2), at(5), at(7), { ...rest, counts: counts!.toReversed() }]))).toEqual([])
  })

  it("for a client that holds nothing yet", () => {
    expect(checkLaw(log, new ClientModel("room_1"))).toEqual([])
  })
})

describe("the law is broken by", () => {
  for (const [what, kind, items] of [
    ["a message missing inside the window", "missing msg_2", [at(1), at(2), at(7), at(8)]],
    ["reactions missing inside the window", "missing rea_2", [at(1), at(2), at(5), at(7)]],
    ["a member missing who is there", "missing mem_ana", [at(1), at(5), at(7), at(8)]],
    ["the conversation missing", "missing room_1", [at(2), at(5), at(7), at(8)]],
    ["an old version inside the window", "outdated msg_1", [at(1), at(2), at(4), at(5), at(8)]],
    ["a member still there who has left", "outdated mem_ben", [...WHOLE, at(3)]],
    ["a version the log never held", "unknown_version msg_2", [at(1), at(2), { ...at(5), edits: 9 } as WireItem, at(7), at(8)]],
    ["an item the log never held", "unknown_version msg_9", [...WHOLE, item("message", "msg_9", 5, { seq: 9 })]],
    ["a version of a change to come", "unknown_version msg_2", [at(1), at(2), { ...at(5), change: 99 }, at(7), at(8)]],
  ] as const)
    it(what, () => {
      expect(kindsOf(holding(1, 8, items))).toContain(kind)
    })

  it("whoever left after the window, and is not known to have", () => {
    const client = holding(1, 5, [at(1), at(2), at(3), at(4), at(5)])
    const items = [at(7), at(8)]
    client.accept({ type: "changes", conversationId: "room_1", epoch: "e1", after: 5, upTo: 8, items, firstSeq: 1, more: false })
    expect(kindsOf(client)).toEqual(["outdated mem_ben"])
  })

  it("whoever came and left after the window, and was never heard of", () => {
    const client = holding(1, 5, [at(1), at(2), at(4), at(5)])
    const items = [at(7), at(8)]
    client.accept({ type: "changes", conversationId: "room_1", epoch: "e1", after: 5, upTo: 8, items, firstSeq: 1, more: false })
    expect(kindsOf(client)).toEqual(["missing mem_ben"])
  })

  it("an old stray below the window that is not stale", () => {
    const client = holding(3, 6, [at(1), at(2)])
    client.acceptHistory({ epoch: "e1", asOf: 6, items: [at(4)] })
    expect([client.from, client.isStale("msg_1")]).toEqual([3, false])
    client.accept({
      type: "changes",
      conversationId: "room_1",
      epoch: "e1",
      after: 6,
      upTo: 8,
      items: [at(8)],
      firstSeq: 1,
      more: false,
    })
    expect(kindsOf(client)).toEqual(["outdated msg_1"])
  })

  it("a position the log never reached, and an epoch that is not the log's", () => {
    expect(kindsOf(holding(1, 9, WHOLE))).toEqual(["ahead_of_log"])
    expect(kindsOf(holding(1, 8, WHOLE, "e2"))).toEqual(["epoch_changed"])
  })
})

describe("two clients", () => {
  it("agree on what both hold, whatever their windows", () => {
    expect(agree(holding(1, 8, WHOLE), holding(2, 8, [at(1), at(2), at(5), at(8)]))).toEqual([])
  })

  it("differ when one holds another version or another content", () => {
    const other = [at(1), at(2), at(4), { ...at(5), edits: 9 } as WireItem, at(8)]
    expect(agree(holding(1, 8, WHOLE), holding(1, 8, other)).map(({ kind, itemId }) => [kind, itemId])).toEqual([
      ["clients_differ", "msg_2"],
      ["clients_differ", "msg_1"],
    ])
  })

  it("differ when they stand at different positions, or at none", () => {
    const nowhere = new ClientModel("room_1")
    for (const [a, b] of [
      [holding(1, 8, WHOLE), holding(1, 7, WHOLE.slice(0, -1))],
      [nowhere, nowhere],
    ] as const)
      expect(agree(a, b).map(({ kind }) => kind)).toEqual(["positions_differ"])
  })

  it("may differ in what is stale", () => {
    const stale = holding(1, 5, [at(1), at(2), at(3), at(4), at(5)])
    const frames: ReadonlyArray<ModelFrame> = [
      { type: "resync", conversationId: "room_1", reason: "too_far_behind" },
      {
        type: "changes",
        conversationId: "room_1",
        epoch: "e1",
        after: 0,
        upTo: 8,
        items: [at(1), at(2), at(5), at(8)],
        firstSeq: 1,
        more: false,
        window: { from: 2 },
      },
    ]
    for (const frame of frames) stale.accept(frame)
    expect(agree(stale, holding(1, 8, WHOLE))).toEqual([])
  })
})
