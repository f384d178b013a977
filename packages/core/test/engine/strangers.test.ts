/** G12: to whoever is not in it, a conversation does not exist, whatever they ask and by whatever door. */
import { describe, expect, it } from "vitest"
import { FEATURES, type RequestType } from "../../src/protocol/requests.ts"
import { user } from "../support/cluster.ts"
import { putMember } from "../support/conversations.ts"
import { ann, ben, makeRoom, ROOM, type Room, send } from "../support/room.ts"
import { openWire, replyTo } from "../support/wire.ts"

const ofMessage = { messageId: "MESSAGE" }
/** Every request that names a conversation, with what else it needs. */
const NAMING: Partial<Record<RequestType, Record<string, unknown>>> = {
  update_conversation: { name: "mine now" },
  close_conversation: {},
  delete_conversation: {},
  list_conversations: {},
  subscribe: {},
  get_history: {},
  send_message: { clientMessageId: "c", text: "hello" },
  edit_message: { ...ofMessage, base: 5, text: "changed" },
  delete_message: ofMessage,
  message_reaction: { ...ofMessage, emoji: "👍" },
  join_room: {},
  leave_room: {},
  stop_answer: ofMessage,
  regenerate_answer: ofMessage,
}
/** What names none, or asks for nothing of it. */
const OTHERS: ReadonlyArray<RequestType> = ["authenticate", "create_session", "create_room", "unsubscribe", "ping"]

const STRANGERS = {
  "somebody who was never there": { who: user("eve"), before: () => {} },
  "a member's namesake of another tenant": { who: user("ann", "other"), before: () => {} },
  "somebody who left": { who: ann, before: (room: Room) => room.ask(ann, { type: "leave_room" }) },
  "somebody who was removed": {
    who: ann,
    before: (room: Room) => putMember(room.cluster.sim, room.cluster.store, ROOM, "ann", "removed"),
  },
  "somebody who was banned": {
    who: ann,
    before: (room: Room) => putMember(room.cluster.sim, room.cluster.store, ROOM, "ann", "banned"),
  },
} as const

describe("every request", () => {
  it("is decided on here", () => {
    expect([...Object.keys(NAMING), ...OTHERS].toSorted()).toEqual([...FEATURES].toSorted())
  })
})

for (const [name, { who, before }] of Object.entries(STRANGERS))
  describe(name, () => {
    for (const [type, rest] of Object.entries(NAMING))
      it(`gets of ${type} what there is to get of a conversation that does not exist`, () => {
        const room = makeRoom()
        const { sim } = room.cluster
        const sent = room.ask(ann, send("c0"))
        const messageId = sent._tag === "Success" ? (sent.value as { readonly itemId: string }).itemId : ""
        // Warm caches must not know better.
        room.ask(ann, { type: "get_history" })
        before(room)
        const head = room.head()
        const wire = openWire(sim, room.nodes[0], { principal: who })!
        const fields = { ...rest, ...("messageId" in rest! ? { messageId } : {}) }
        const errors = [ROOM, "room_none"].map((conversationId) => {
          const id = wire.send({ type, conversationId, ...fields })
          sim.advance(50)
          const reply = replyTo(wire, id)
          if (reply?.type !== "error") throw new Error(`${type} was answered with ${JSON.stringify(reply)}`)
          const { correlationId: _correlationId, ...error } = reply.error
          return error
        })
        expect(errors[0]).toEqual(errors[1])
        expect(errors[0]?.code).toBe("conversation_not_found")
        expect(room.head()).toBe(head)
        expect(JSON.stringify(wire.frames)).not.toContain("c0")
      })

    it("gets the same of sync", () => {
      const room = makeRoom()
      room.ask(ann, send("c0"))
      before(room)
      const { frames } = room.cluster.sim.run(
        room.nodes[0].gateway.sync(who, {
          conversations: [{ conversationId: ROOM }, { conversationId: "room_none" }],
          answers: [],
          wait: 0,
        }),
        room.nodes[0].process,
      )
      expect(frames).toEqual(
        [ROOM, "room_none"].map((conversationId) => ({ type: "unsubscribed", conversationId, code: "conversation_not_found" })),
      )
    })
  })

describe("somebody who loses access while reading along", () => {
  for (const [door, lose] of [
    ["over the bus", (room: Room) => putMember(room.cluster.sim, room.cluster.store, ROOM, "ann", "banned")],
    ["by leaving", (room: Room) => void room.ask(ann, { type: "leave_room" }, room.nodes[1])],
  ] as const)
    it(`is unsubscribed ${door}, and a waiting poll returns at once`, () => {
      const room = makeRoom({ timing: { headsInterval: 1_000 } })
      const { sim } = room.cluster
      const [own, bens] = [ann, ben].map((principal) => openWire(sim, room.nodes[0], { principal })!)
      for (const wire of [own!, bens!]) wire.send({ type: "subscribe", conversationId: ROOM })
      sim.advance(50)
      const { cursor } = { cursor: `${room.cluster.logs.get(ROOM)?.epoch}.${room.head()}` }
      const poll = room.nodes[0].process.fork(
        room.nodes[0].gateway.sync(ann, { conversations: [{ conversationId: ROOM, cursor }], answers: [], wait: 20_000 }),
      )
      sim.advance(500)
      lose(room)
      sim.advance(1_500)
      expect(own!.frames.at(-1)).toEqual({ type: "unsubscribed", conversationId: ROOM, code: "conversation_not_found" })
      expect(poll.pollUnsafe()).toMatchObject({ value: { frames: [{ type: "unsubscribed" }] } })
      room.ask(ben, send("among ourselves"))
      sim.advance(100)
      expect(own!.frames.at(-1)?.type).toBe("unsubscribed")
      expect(bens!.frames.at(-1)?.type).toBe("new_message")
    })

  it("by deletion of the conversation, like everybody", () => {
    const room = makeRoom()
    const { sim } = room.cluster
    const wire = openWire(sim, room.nodes[0], { principal: ann })!
    wire.send({ type: "subscribe", conversationId: ROOM })
    sim.advance(50)
    room.ask(user("olga"), { type: "delete_conversation" }, room.nodes[1])
    sim.advance(50)
    expect(wire.frames.at(-1)).toMatchObject({ type: "unsubscribed", conversationId: ROOM })
  })
})
