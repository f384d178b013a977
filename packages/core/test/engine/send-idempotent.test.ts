/** G3: a send is stored once, whatever a client does that never heard of its end. */
import * as Exit from "effect/Exit"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Sent } from "../../src/engine/send-message.ts"
import { makeAsking, ann as asker, codeOf } from "../support/asking.ts"
import { putMember } from "../support/conversations.ts"
import { ann, ben, makeRoom, olga, type Room, ROOM, send } from "../support/room.ts"

const numbers = (exit: Exit.Exit<object, unknown>): string => {
  if (Exit.isFailure(exit)) return `refused: ${codeOf(exit)}`
  const { itemId, seq, change } = exit.value as Sent
  return `${itemId} ${seq} ${change}`
}

/** What may happen between two tries of the same send. */
const BETWEEN = {
  edit: (room: Room, first: Sent) =>
    room.ask(ann, { type: "edit_message", messageId: first.itemId, base: first.change, text: "edited" }),
  delete: (room: Room, first: Sent) => room.ask(ann, { type: "delete_message", messageId: first.itemId }),
  "react to it": (room: Room, first: Sent) => room.ask(ben, { type: "message_reaction", messageId: first.itemId, emoji: "👍" }),
  "others speak": (room: Room) => room.ask(ben, send(`other ${room.head()}`)),
  ban: (room: Room) => putMember(room.cluster.sim, room.cluster.store, ROOM, "ann", "banned"),
  mute: (room: Room) => putMember(room.cluster.sim, room.cluster.store, ROOM, "ann", "joined", { muted: true }),
  leave: (room: Room) => room.ask(ann, { type: "leave_room" }),
  close: (room: Room) => room.ask(olga, { type: "close_conversation" }),
}

describe("sending the same message again", () => {
  it("gives the first result, in every order of whatever happens between", () => {
    const events = Object.keys(BETWEEN) as Array<keyof typeof BETWEEN>
    fc.assert(
      fc.property(fc.nat(), fc.shuffledSubarray(events), fc.boolean(), (seed, between, slow) => {
        const room = makeRoom({ seed, latency: slow ? 3 : 0 })
        const first = room.ask(ann, send("c1", "hello"))
        expect(numbers(first)).toMatch(/^msg_\w+ 1 5$/u)
        for (const event of between) {
          // A member who was banned is not muted besides: what cannot happen is skipped by the room.
          if (event === "mute" && between.indexOf("ban") < between.indexOf("mute") && between.includes("ban")) continue
          if ((event === "mute" || event === "ban") && between.includes("leave")) continue
          BETWEEN[event](room, (first as Exit.Success<Sent, never>).value)
          const head = room.head()
          for (const node of room.nodes) {
            expect(numbers(room.ask(ann, send("c1", "hello"), node))).toBe(numbers(first))
            expect(codeOf(room.ask(ann, send("c1", "another body"), node))).toBe("idempotency_conflict")
          }
          expect(room.head()).toBe(head)
        }
        expect(room.messages().filter(({ clientMessageId }) => clientMessageId === "c1")).toHaveLength(1)
      }),
      { numRuns: 150 },
    )
  })

  it("at the same time, over any nodes and in one batch of the store, stores it once", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.record({ body: fc.constantFrom("a", "a", "a", "b"), node: fc.nat({ max: 1 }), after: fc.nat({ max: 8 }) }), {
          minLength: 2,
          maxLength: 8,
        }),
        fc.constantFrom(0, 0.3),
        (seed, tries, failing) => {
          const room = makeRoom({ seed, latency: 5 })
          const { sim, store } = room.cluster
          store.faults.failing = failing
          const client = sim.process()
          const results: Array<{ readonly body: string; readonly fiber: ReturnType<Room["request"]> }> = []
          for (const { body, node, after } of tries)
            client.later(after, () => results.push({ body, fiber: room.request(ann, send("c1", body), room.nodes[node]!) }))
          sim.advance(500)
          store.faults.failing = 0
          const stored = room.messages().filter(({ clientMessageId }) => clientMessageId === "c1")
          expect(stored.length).toBeLessThanOrEqual(1)
          const ends = results.map(({ body, fiber }) => ({ body, exit: fiber.pollUnsafe()! }))
          const acknowledged = ends.filter(({ exit }) => Exit.isSuccess(exit))
          expect(new Set(acknowledged.map(({ body, exit }) => `${body} ${numbers(exit)}`)).size).toBeLessThanOrEqual(1)
          if (failing > 0) return
          const winner = acknowledged[0]!.body
          for (const { body, exit } of ends)
            if (body !== winner) expect(codeOf(exit)).toBe("idempotency_conflict")
            else expect(numbers(exit)).toBe(numbers(acknowledged[0]!.exit))
        },
      ),
      { numRuns: 200 },
    )
  })

  it("gives the same answer again, and begins no second one", () => {
    const asking = makeAsking()
    const node = asking.start()
    const { conversationId } = asking.ask(node)
    const again = () =>
      asking.cluster.sim.run(
        node.engine.sendMessage(asker, { conversationId, clientMessageId: "c9", text: "once" }),
        node.process,
      )
    const first = again()
    asking.cluster.sim.advance(100)
    const { repeat, ...second } = again()
    expect(repeat).toBe(true)
    expect(second).toEqual(first)
    asking.cluster.sim.advance(2_000)
    expect(asking.calls).toHaveLength(2)
  })

  it("is another message when another user, or the same one elsewhere, chose the same id", () => {
    const room = makeRoom()
    const ids = [room.ask(ann, send("c1")), room.ask(ben, send("c1"))].map(numbers)
    expect(new Set(ids).size).toBe(2)
  })

  it("gives the first result even where the limits have become tighter", () => {
    const room = makeRoom()
    const first = room.ask(ann, { ...send("c1", "a long message"), metadata: { note: "a long note" } })
    const strict = room.cluster.start({ limits: { maxMessageLength: 3, maxMetadataBytes: 3 } })
    const again = { ...send("c1", "a long message"), metadata: { note: "a long note" } }
    expect(numbers(room.ask(ann, again, strict))).toBe(numbers(first))
    expect(codeOf(room.ask(ann, send("c2", "a long message"), strict))).toBe("invalid_request")
  })

  it("whose first try was refused is a first try", () => {
    const room = makeRoom()
    putMember(room.cluster.sim, room.cluster.store, ROOM, "ann", "joined", { muted: true })
    expect(codeOf(room.ask(ann, send("c1", "one")))).toBe("muted")
    putMember(room.cluster.sim, room.cluster.store, ROOM, "ann", "joined", { muted: false })
    expect(Exit.isSuccess(room.ask(ann, send("c1", "two")))).toBe(true)
  })

  it("with a body that differs in nothing but its reply or metadata is another body", () => {
    const room = makeRoom()
    const first = room.ask(ann, send("c0")) as Exit.Success<Sent, never>
    room.ask(ann, { ...send("c1"), metadata: { a: 1 } })
    expect(codeOf(room.ask(ann, { ...send("c1"), metadata: { a: 2 } }))).toBe("idempotency_conflict")
    expect(codeOf(room.ask(ann, send("c1")))).toBe("idempotency_conflict")
    expect(codeOf(room.ask(ann, { ...send("c1"), metadata: { a: 1 }, replyTo: first.value.itemId }))).toBe("idempotency_conflict")
  })
})
