import { describe, expect, it } from "vitest"
import { emptyHead, newMessage, type Commit, type CommitOutcome, type ConversationBody, type Message } from "@parley/core"
import { refusalOf, type CommitView } from "../src/memory/commit-decision.ts"

const message = (id: string) => newMessage({ id, author: { kind: "user", id: "ann" }, type: "text", parts: [] })
const stored: Message = { ...message("msg_1"), change: 4, seq: 1, createdAt: 1, updatedAt: 1 }
const room: ConversationBody = {
  kind: "conversation",
  id: "room_1",
  v: 1,
  type: "group",
  status: "active",
  createdBy: "ann",
  maxMembers: 2,
}

/** A room with one message, one answer under fence 3, two members, and the key `used`. */
const view: CommitView = {
  head: { ...emptyHead("acme", "room_1", "e1", 0), change: 4, seq: 1, accessVersion: 5, members: 2 },
  erased: false,
  item: (id) => (id === "msg_1" ? stored : undefined),
  fence: (answer) => (answer === "msg_answer" ? 3 : undefined),
  repeat: (key) => (key.id === "used" ? { outcome: "repeat", same: true, conversation: "room_1", committed: [] } : undefined),
}
const nowhere: CommitView = { ...view, head: undefined, item: () => undefined, fence: () => undefined }

const decide = (fields: Partial<Commit>, on: CommitView = view) =>
  refusalOf({ tenant: "acme", conversation: "room_1", puts: [], outbox: [], ...fields }, on)

type Reason = { readonly says: CommitOutcome; readonly fields: Partial<Commit> }

/** In the order of the contract. */
const REASONS: Readonly<Record<string, Reason>> = {
  key: {
    says: { outcome: "repeat", same: true, conversation: "room_1", committed: [] },
    fields: { key: { scope: "ann", id: "used", request: "r" } },
  },
  access: { says: { outcome: "stale_access", accessVersion: 5 }, fields: { expectAccess: 4 } },
  fence: { says: { outcome: "fenced" }, fields: { fence: { answer: "msg_answer", fence: 2 } } },
  requires: { says: { outcome: "missing", itemId: "msg_none" }, fields: { requires: ["msg_1", "msg_none"] } },
  was: {
    says: { outcome: "conflict", itemId: "msg_1", current: stored },
    fields: { puts: [{ item: message("msg_1"), was: 3 }] },
  },
  members: { says: { outcome: "room_full" }, fields: { members: { delta: 1, max: 2 } } },
}
const names = Object.keys(REASONS)
const reason = (name: string): Reason => REASONS[name] as Reason
const pairs = names.flatMap((first, index) => names.slice(index + 1).map((second) => ({ first, second })))

describe("refusalOf", () => {
  it.each(names)("refuses for %s alone", (name) => {
    expect(decide(reason(name).fields)).toEqual(reason(name).says)
  })

  it.each(pairs)("looks at $first before $second", ({ first, second }) => {
    expect(decide({ ...reason(second).fields, ...reason(first).fields })).toEqual(reason(first).says)
  })

  it("lets a commit through that meets every condition", () => {
    const commit: Partial<Commit> = {
      key: { scope: "ann", id: "new", request: "r" },
      expectAccess: 5,
      fence: { answer: "msg_answer", fence: 3 },
      requires: ["msg_1"],
      members: { delta: 1, max: 3 },
      puts: [
        { item: message("msg_1"), was: 4 },
        { item: message("msg_2"), was: "new" },
      ],
    }
    expect(decide(commit)).toBeUndefined()
    expect(decide({})).toBeUndefined()
  })

  it("names the first put that conflicts, with what is stored", () => {
    const puts = [
      { item: message("msg_2"), was: "new" as const },
      { item: message("msg_3"), was: 1 },
      { item: message("msg_1"), was: "new" as const },
    ]
    expect(decide({ puts })).toEqual({ outcome: "conflict", itemId: "msg_3", current: undefined })
    expect(decide({ puts: puts.slice(2) })).toEqual({ outcome: "conflict", itemId: "msg_1", current: stored })
  })

  it("holds a fence against the row of that answer only", () => {
    for (const fence of [
      { answer: "msg_answer", fence: 4 },
      { answer: "msg_other", fence: 3 },
      { answer: "msg_other", fence: 0 },
    ])
      expect(decide({ fence })).toEqual({ outcome: "fenced" })
  })

  it("lets members leave a room that is above its maximum", () => {
    expect(decide({ members: { delta: -1, max: 0 } })).toBeUndefined()
    expect(decide({ members: { delta: 0, max: 0 } })).toBeUndefined()
  })

  describe("of a conversation that is not there", () => {
    const creates: Partial<Commit> = { puts: [{ item: room, was: "new" }] }
    const missing = { outcome: "missing", itemId: "room_1" }

    it("looks at the key first and at nothing after its absence", () => {
      expect(decide(reason("key").fields, nowhere)).toEqual(reason("key").says)
      for (const name of names.slice(1)) expect(decide(reason(name).fields, nowhere)).toEqual(missing)
      expect(decide({ puts: [{ item: room, was: 1 }] }, nowhere)).toEqual(missing)
    })

    it("lets it be created, once, and never after its erasure", () => {
      expect(decide(creates, nowhere)).toBeUndefined()
      expect(decide({ ...creates, members: { delta: 1, max: 1 }, expectAccess: 1 }, nowhere)).toBeUndefined()
      expect(decide({ ...creates, requires: ["room_1"] }, nowhere)).toEqual(missing)
      expect(decide(creates, { ...nowhere, erased: true })).toEqual(missing)
    })
  })
})
