/** Who comes and who goes. */
import * as Exit from "effect/Exit"
import { describe, expect, it } from "vitest"
import type { Member } from "../../src/domain/item.ts"
import type { Created, Listings } from "../../src/engine/conversations.ts"
import { codeOf } from "../support/asking.ts"
import { makeCluster, user } from "../support/cluster.ts"
import { ann, ben, eve, makeRoom, olga, ROOM, send } from "../support/room.ts"

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
