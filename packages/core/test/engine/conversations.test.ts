/** Sessions and rooms as such: their lists, their ends, who comes and goes. */
import * as Exit from "effect/Exit"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Member } from "../../src/domain/item.ts"
import type { Created, Listings } from "../../src/engine/conversations.ts"
import { ann as asker, codeOf, makeAsking } from "../support/asking.ts"
import { makeCluster, user } from "../support/cluster.ts"
import { conversationOf } from "../support/conversations.ts"
import { ann, ben, eve, makeRoom, olga, ROOM, send } from "../support/room.ts"

/** Shorter than a day of the defaults: a simulated month of ticks takes its time. */
const DAY = 4_000
const EXPIRY = { sessionExpiry: 30 * DAY, sweepInterval: DAY / 8 }

describe("a session that nobody sends to", () => {
  it("expires after its time, and one that was closed before stays closed", () => {
    const cluster = makeCluster({ timing: EXPIRY })
    const { sim, store } = cluster
    const nodes = [cluster.start(), cluster.start()]
    const create = () => sim.run(nodes[0]!.engine.createSession(asker, {}), nodes[0]!.process).conversationId
    const [idle, used, closed] = [create(), create(), create()]
    sim.run(nodes[0]!.engine.closeConversation(asker, { conversationId: closed }), nodes[0]!.process)
    sim.advance(29 * DAY)
    sim.run(
      nodes[0]!.engine.sendMessage(asker, { conversationId: used, clientMessageId: "c", text: "still here" }),
      nodes[0]!.process,
    )
    sim.advance(DAY / 2)
    expect([idle, used, closed].map((id) => conversationOf(sim, store, id).status)).toEqual(["active", "active", "closed"])
    sim.advance(DAY)
    expect([idle, used, closed].map((id) => conversationOf(sim, store, id).status)).toEqual(["expired", "active", "closed"])
    const facts = sim.run(store.outbox.read(0, 100)).filter(({ type }) => type === "conversation_expired")
    expect(facts.map(({ conversation }) => conversation)).toEqual([idle])
    const late = sim.exit(
      nodes[1]!.engine.sendMessage(asker, { conversationId: idle, clientMessageId: "c", text: "late" }),
      nodes[1]!.process,
    )
    expect(codeOf(late)).toBe("conversation_expired")
    expect(Exit.isSuccess(sim.exit(nodes[1]!.engine.getHistory(asker, { conversationId: idle }), nodes[1]!.process))).toBe(true)
    expect(cluster.logged).toEqual([])
  })

  it("lets nobody send with a grant from before its end", () => {
    const cluster = makeCluster({ timing: EXPIRY })
    const { sim } = cluster
    const warm = cluster.start()
    const { conversationId } = sim.run(warm.engine.createSession(asker, {}), warm.process)
    const post = (clientMessageId: string) =>
      sim.exit(warm.engine.sendMessage(asker, { conversationId, clientMessageId, text: "x" }), warm.process)
    expect(Exit.isSuccess(post("1"))).toBe(true)
    sim.advance(31 * DAY)
    expect(conversationOf(sim, cluster.store, conversationId).status).toBe("expired")
    expect(codeOf(post("2"))).toBe("conversation_expired")
  })

  it("says that it is inactive half an hour after the last send", () => {
    const asking = makeAsking()
    const node = asking.start({ silent: true })
    const { conversationId } = asking.ask(node)
    const { sim } = asking.cluster
    const inactive = () =>
      sim.run(node.engine.listConversations(asker, { conversationId }), node.process).conversations[0]?.inactive
    sim.advance(29 * 60_000)
    expect(inactive()).toBe(false)
    sim.advance(60_000)
    expect(inactive()).toBe(true)
  })
})

describe("the list of one's conversations", () => {
  it("is paged in the order of the last send, each once, whatever the page size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.nat({ max: 11 }), { maxLength: 15 }),
        fc.integer({ min: 1, max: 5 }),
        (count, sends, limit) => {
          const cluster = makeCluster()
          const { sim } = cluster
          const node = cluster.start()
          const ids = Array.from(
            { length: count },
            () => sim.run(node.engine.createSession(asker, {}), node.process).conversationId,
          )
          sim.run(node.engine.createSession(user("other"), {}), node.process)
          for (const [i, at] of sends.entries()) {
            sim.advance(i % 3)
            sim.run(
              node.engine.sendMessage(asker, { conversationId: ids[at % count]!, clientMessageId: `c${i}`, text: "x" }),
              node.process,
            )
          }
          const listed: Array<string> = []
          const times: Array<number> = []
          let after: string | undefined
          do {
            const page: Listings = sim.run(
              node.engine.listConversations(asker, { limit, kind: "session", ...(after === undefined ? {} : { after }) }),
              node.process,
            )
            expect(page.conversations.length).toBeLessThanOrEqual(limit)
            listed.push(...page.conversations.map(({ conversationId }) => conversationId))
            times.push(...page.conversations.map(({ lastSendAt }) => lastSendAt))
            after = page.next
          } while (after !== undefined)
          expect(listed.toSorted()).toEqual(ids.toSorted())
          expect(times).toEqual(times.toSorted((a, b) => b - a))
        },
      ),
      { numRuns: 60 },
    )
  })

  it("refuses a position that is none", () => {
    const room = makeRoom()
    for (const after of ["", "x", ".", "1e999.x", "no-dot"])
      expect(codeOf(room.ask(ann, { type: "list_conversations", conversationId: undefined, after }))).toBe("invalid_request")
  })
})

describe("the history of a conversation", () => {
  it("is paged backwards without a gap or a repeat, with the reactions of its messages", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 25 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 200, max: 3_000 }),
        (count, limit, pageBytes) => {
          const room = makeRoom({ limits: { pageBytes } })
          for (let i = 0; i < count; i++) {
            const sent = room.ask(ann, send(`c${i}`, "x".repeat(1 + ((i * 37) % 200)))) as Exit.Success<{ itemId: string }, never>
            if (i % 3 === 0) room.ask(ben, { type: "message_reaction", messageId: sent.value.itemId, emoji: "👍" })
          }
          const seqs: Array<number> = []
          let reactions = 0
          for (let before: number | undefined, more = true; more;) {
            const page = room.ask(olga, { type: "get_history", limit, ...(before === undefined ? {} : { before }) })
            const {
              messages,
              reactions: of,
              hasMore,
            } = (page as Exit.Success<never, never>).value as {
              readonly messages: ReadonlyArray<{ readonly seq: number }>
              readonly reactions: ReadonlyArray<unknown>
              readonly hasMore: boolean
            }
            expect(messages.length).toBeLessThanOrEqual(limit)
            seqs.unshift(...messages.map(({ seq }) => seq))
            reactions += of.length
            more = hasMore
            before = messages[0]?.seq
          }
          expect(seqs).toEqual(Array.from({ length: count }, (_, i) => i + 1))
          expect(reactions).toBe(Math.ceil(count / 3))
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe("coming and going", () => {
  const member = (room: ReturnType<typeof makeRoom>, id: string) =>
    room.cluster.logs.get(ROOM)?.newest(`mem_${id}`) as Member | undefined

  it("is by invitation: whoever was not invited finds nothing to join", () => {
    const room = makeRoom()
    expect(codeOf(room.ask(eve, { type: "join_room" }))).toBe("conversation_not_found")
    room.ask(olga, { type: "update_conversation", invite: ["eve", "eve", "ann"] })
    expect(member(room, "eve")?.status).toBe("invited")
    expect(codeOf(room.ask(eve, send("too early")))).toBe("conversation_not_found")
    expect(Exit.isSuccess(room.ask(eve, { type: "join_room" }))).toBe(true)
    const head = room.head()
    expect(Exit.isSuccess(room.ask(eve, { type: "join_room" }))).toBe(true)
    expect(room.head()).toBe(head)
    expect(Exit.isSuccess(room.ask(eve, send("here")))).toBe(true)
  })

  it("is told as system messages, and counted", () => {
    const room = makeRoom()
    room.ask(olga, { type: "update_conversation", invite: ["eve"] })
    room.ask(eve, { type: "join_room" })
    room.ask(ann, { type: "leave_room" })
    expect(room.messages().map(({ notice }) => notice)).toEqual([
      { kind: "invited", userIds: ["eve"] },
      { kind: "joined", userIds: ["eve"] },
      { kind: "left", userIds: ["ann"] },
    ])
    const list = room.ask(olga, { type: "list_conversations" }) as Exit.Success<never, never>
    expect((list.value as Listings).conversations[0]?.members).toBe(3)
  })

  it("ends with leaving, until one is invited again", () => {
    const room = makeRoom()
    room.ask(ann, { type: "leave_room" })
    expect(codeOf(room.ask(ann, { type: "join_room" }))).toBe("conversation_not_found")
    expect(codeOf(room.ask(ann, { type: "get_history" }))).toBe("conversation_not_found")
    room.ask(olga, { type: "update_conversation", invite: ["ann"] })
    expect(Exit.isSuccess(room.ask(ann, { type: "join_room" }))).toBe(true)
  })

  it("is not for the owner while others are there", () => {
    const room = makeRoom()
    expect(codeOf(room.ask(olga, { type: "leave_room" }))).toBe("forbidden")
    for (const who of [ann, ben]) room.ask(who, { type: "leave_room" })
    expect(Exit.isSuccess(room.ask(olga, { type: "leave_room" }))).toBe(true)
  })

  it("fills a room to its bound and no further, however many come at once", () => {
    for (let seed = 0; seed < 30; seed++) {
      const cluster = makeCluster({ seed, limits: { maxMembers: 4 }, busLatency: 3 })
      const { sim, store } = cluster
      const nodes = [cluster.start(), cluster.start()]
      const guests = ["a", "b", "c", "d", "e", "f"]
      const { conversationId } = sim.run(
        nodes[0]!.engine.createRoom(olga, { roomType: "private", invite: guests }),
        nodes[0]!.process,
      )
      store.faults.latency = 4
      const fibers = guests.map((id, i) => {
        const node = nodes[i % 2]!
        return node.process.fork(node.engine.joinRoom(user(id), { conversationId }))
      })
      const codes = fibers.map((fiber) => codeOf(sim.join(fiber)))
      expect(codes.filter((code) => code === undefined)).toHaveLength(3)
      expect(codes.filter((code) => code === "room_full")).toHaveLength(3)
    }
  })

  it("gives two people one direct room, whoever opens it and however often at once", () => {
    for (let seed = 0; seed < 30; seed++) {
      const cluster = makeCluster({ seed })
      const { sim, store } = cluster
      const nodes = [cluster.start(), cluster.start()]
      store.faults.latency = 4
      const fibers = [0, 1, 2, 3].map((i) => {
        const node = nodes[i % 2]!
        const [me, other] = i < 2 ? (["ann", "ben"] as const) : (["ben", "ann"] as const)
        return node.process.fork(node.engine.createRoom(user(me), { roomType: "direct", invite: [other] }))
      })
      const ids = fibers.map((fiber) => (sim.join(fiber) as Exit.Success<Created, never>).value.conversationId)
      expect(new Set(ids).size).toBe(1)
      const other = sim.run(
        nodes[0]!.engine.createRoom(user("ann", "elsewhere"), { roomType: "direct", invite: ["ben"] }),
        nodes[0]!.process,
      )
      expect(other.conversationId).not.toBe(ids[0])
    }
  })

  it("needs exactly one other for a direct room", () => {
    const room = makeRoom()
    for (const invite of [[], ["ann"], ["ben", "eve"]])
      expect(codeOf(room.ask(ann, { type: "create_room", roomType: "direct", invite }))).toBe("invalid_request")
  })
})
