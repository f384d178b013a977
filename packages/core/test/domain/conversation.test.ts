import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  advance,
  bodyOf,
  type ConversationEvent,
  type ConversationHead,
  emptyHead,
  endConversation,
  INACTIVE_AFTER_MS,
  isInactive,
  isJoined,
  type Put,
} from "../../src/domain/conversation.ts"
import type { ConversationBody, ConversationStatus, Item, ItemBody, Member, Message } from "../../src/domain/item.ts"
import { newMember } from "../../src/domain/member.ts"
import { newMessage, systemMessage } from "../../src/domain/message.ts"
import { noReactions } from "../../src/domain/reactions.ts"

const TABLE: Record<ConversationStatus, Record<ConversationEvent["type"], ConversationStatus | "stands in the way">> = {
  active: { closed: "closed", expired: "expired" },
  closed: { closed: "stands in the way", expired: "stands in the way" },
  expired: { closed: "stands in the way", expired: "stands in the way" },
}

const conversation: ConversationBody = {
  kind: "conversation",
  id: "room_1",
  v: 1,
  type: "private",
  status: "active",
  createdBy: "ana",
  name: "Lunch",
  maxMembers: 500,
}

const asked = (id: string) =>
  newMessage({ id, author: { kind: "user", id: "ana" }, type: "text", parts: [{ type: "text", text: id }] })
const answered = (id: string) => newMessage({ id, author: { kind: "assistant", id: "ai" }, type: "ai_response", parts: [] })

const START = 1_000
const empty = emptyHead("default", "room_1", "e1", START)

/** A store in memory: the newest version of each item, and the head. */
interface Store {
  readonly head: ConversationHead
  readonly items: ReadonlyMap<string, Item>
}

const commit = (
  store: Store,
  bodies: ReadonlyArray<ItemBody>,
  now: number,
  more: { members?: number; revokes?: boolean } = {},
) => {
  const puts = bodies.map((item): Put => ({ item, was: store.items.get(item.id)?.change ?? "new" }))
  const advanced = advance(store.head, { puts, previous: store.items, now, ...more })
  const items = new Map([...store.items, ...advanced.items.map((item) => [item.id, item] as const)])
  return { store: { head: advanced.head, items }, written: advanced.items }
}

/** Ids of a commit are distinct; over commits they recur, so that items are new, changed, and changed again. */
const aBody: fc.Arbitrary<ItemBody> = fc.oneof(
  fc.constantFrom("msg_1", "msg_2", "msg_3", "msg_4").map(asked),
  fc.constantFrom("msg_5", "msg_6").map(answered),
  fc.constant(systemMessage("msg_7", { kind: "joined", userIds: ["ben"] })),
  fc.constantFrom("msg_1", "msg_2").map(noReactions),
  fc.constantFrom("ana", "ben").map((user) => newMember(user, "member", "joined")),
  fc.constant(conversation),
)
const aCommit = fc.record({
  bodies: fc.uniqueArray(aBody, { selector: (body) => body.id, maxLength: 4 }),
  /** The store's clock, which may jump back. */
  now: fc.integer({ min: 0, max: 5_000 }),
  revokes: fc.boolean(),
  members: fc.integer({ min: -1, max: 1 }),
})
const aHistory = fc.array(aCommit, { maxLength: 15 })

const play = (commits: ReadonlyArray<{ bodies: ReadonlyArray<ItemBody>; now: number; revokes?: boolean; members?: number }>) => {
  let store: Store = { head: empty, items: new Map() }
  const log: Array<Item> = []
  for (const { bodies, now, ...more } of commits) {
    const done = commit(store, bodies, now, more)
    store = done.store
    log.push(...done.written)
  }
  return { store, log }
}

const isMessage = (item: Item): item is Message => item.kind === "message"

describe("status × event table of a conversation", () => {
  for (const status of Object.keys(TABLE) as ReadonlyArray<ConversationStatus>)
    for (const type of ["closed", "expired"] as const) {
      const expected = TABLE[status][type]
      it(`${status} + ${type} = ${expected === "stands in the way" ? `refused, for it is ${status}` : expected}`, () => {
        const body = { ...conversation, status }
        expect(endConversation(body, { type })).toEqual(
          expected === "stands in the way" ? { ok: false, status } : { ok: true, body: { ...conversation, status: expected } },
        )
      })
    }
})

describe("advance", () => {
  it("numbers changes 1..head without gap or repeat, whatever the commits hold", () => {
    fc.assert(
      fc.property(aHistory, (commits) => {
        const { store, log } = play(commits)
        expect(log.map((item) => item.change)).toEqual(Array.from({ length: store.head.change }, (_, i) => i + 1))
      }),
    )
  })

  it("numbers new messages 1..n and keeps the seq of a changed one", () => {
    fc.assert(
      fc.property(aHistory, (commits) => {
        const { store, log } = play(commits)
        const first = new Map<string, number>()
        for (const message of log.filter(isMessage)) {
          if (!first.has(message.id)) first.set(message.id, message.seq)
          expect(message.seq).toBe(first.get(message.id))
        }
        expect([...first.values()]).toEqual(Array.from({ length: store.head.seq }, (_, i) => i + 1))
      }),
    )
  })

  it("dates never decrease, though the clock jumps back", () => {
    fc.assert(
      fc.property(aHistory, (commits) => {
        const { store, log } = play(commits)
        let updatedAt = START
        let createdAt = START
        const seen = new Set<string>()
        for (const item of log) {
          expect(item.updatedAt).toBeGreaterThanOrEqual(updatedAt)
          updatedAt = item.updatedAt
          if (!seen.has(item.id)) {
            expect(item.createdAt).toBeGreaterThanOrEqual(createdAt)
            expect(item.createdAt).toBe(item.updatedAt)
            createdAt = item.createdAt
          }
          seen.add(item.id)
        }
        expect(store.head.updatedAt).toBeGreaterThanOrEqual(updatedAt)
        expect(store.head.createdAt).toBe(START)
      }),
    )
  })

  it("keeps the date of creation when an item changes", () => {
    const { store, log } = play([
      { bodies: [asked("msg_1")], now: 2_000 },
      { bodies: [asked("msg_1")], now: 3_000 },
    ])
    expect(log.map(({ createdAt, updatedAt }) => [createdAt, updatedAt])).toEqual([
      [2_000, 2_000],
      [2_000, 3_000],
    ])
    expect(store.head.updatedAt).toBe(3_000)
  })

  it("gives what one commit writes one date and consecutive changes, in the order of its puts", () => {
    const { log } = play([{ bodies: [asked("msg_1"), answered("msg_5"), noReactions("msg_1")], now: 2_000 }])
    expect(log.map((item) => [item.id, item.change, item.updatedAt])).toEqual([
      ["msg_1", 1, 2_000],
      ["msg_5", 2, 2_000],
      ["rea_1", 3, 2_000],
    ])
  })

  it("moves lastSendAt when a person sends, and by nothing else", () => {
    const sends = (body: ItemBody) => body.kind === "message" && body.author.kind === "user"
    fc.assert(
      fc.property(aHistory, (commits) => {
        let store: Store = { head: empty, items: new Map() }
        for (const { bodies, now } of commits) {
          const before = store
          store = commit(store, bodies, now).store
          const sent = bodies.some((body) => sends(body) && !before.items.has(body.id))
          expect(store.head.lastSendAt).toBe(sent ? store.head.updatedAt : before.head.lastSendAt)
        }
      }),
    )
  })

  it("moves accessVersion by one exactly when the commit revokes, and members by the delta", () => {
    fc.assert(
      fc.property(aHistory, (commits) => {
        const { head } = play(commits).store
        expect(head.accessVersion).toBe(1 + commits.filter((one) => one.revokes).length)
        expect(head.members).toBe(commits.reduce((sum, one) => sum + one.members, 0))
      }),
    )
  })

  it("leaves the rest of the head alone", () => {
    fc.assert(
      fc.property(aHistory, (commits) => {
        const { tenant, id, epoch, firstSeq } = play(commits).store.head
        expect({ tenant, id, epoch, firstSeq }).toEqual({ tenant: "default", id: "room_1", epoch: "e1", firstSeq: 1 })
      }),
    )
  })

  it("is a function of its arguments: the head given is not touched", () => {
    const head = Object.freeze({ ...empty })
    const by = { puts: [{ item: asked("msg_1"), was: "new" as const }], previous: new Map(), now: 2_000 }
    expect(advance(head, by)).toEqual(advance(head, by))
  })
})

describe("bodyOf", () => {
  it("takes off exactly what advance put on", () => {
    fc.assert(
      fc.property(aBody, (body) => {
        const [item] = advance(empty, { puts: [{ item: body, was: "new" }], previous: new Map(), now: 2_000 }).items
        expect(bodyOf(item!)).toEqual(body)
      }),
    )
  })
})

describe("a conversation's activity", () => {
  it("is inactive from 30 minutes after the last send on", () => {
    expect(INACTIVE_AFTER_MS).toBe(1_800_000)
    const head = { ...empty, lastSendAt: START }
    expect(isInactive(head, START + 1_799_999)).toBe(false)
    expect(isInactive(head, START + 1_800_000)).toBe(true)
  })

  it("is not inactive to a clock behind the store's", () => {
    expect(isInactive({ ...empty, lastSendAt: START }, 0)).toBe(false)
  })
})

describe("isJoined", () => {
  it("holds for joined members alone", () => {
    const member = (status: Member["status"]): Member => ({
      ...newMember("ana", "owner", "joined"),
      status,
      change: 1,
      createdAt: 1,
      updatedAt: 1,
    })
    expect((["invited", "joined", "left", "removed", "banned"] as const).filter((status) => isJoined(member(status)))).toEqual([
      "joined",
    ])
    expect(isJoined(undefined)).toBe(false)
  })
})
