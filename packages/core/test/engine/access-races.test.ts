/** G12: what a user writes is judged by the access there is when it is stored, however warm the caches are. */
import * as Exit from "effect/Exit"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Sent } from "../../src/engine/send-message.ts"
import { codeOf } from "../support/asking.ts"
import { putMember } from "../support/conversations.ts"
import { ann, ben, makeRoom, olga, type Room, ROOM, send } from "../support/room.ts"

const REVOCATIONS = {
  ban: {
    code: "conversation_not_found",
    run: (room: Room) => putMember(room.cluster.sim, room.cluster.store, ROOM, "ann", "banned"),
  },
  removal: {
    code: "conversation_not_found",
    run: (room: Room) => putMember(room.cluster.sim, room.cluster.store, ROOM, "ann", "removed"),
  },
  mute: {
    code: "muted",
    run: (room: Room) => putMember(room.cluster.sim, room.cluster.store, ROOM, "ann", "joined", { muted: true }),
  },
  close: {
    code: "conversation_closed",
    run: (room: Room) => void room.request(olga, { type: "close_conversation" }, room.nodes[1]),
  },
  leave: { code: "conversation_not_found", run: (room: Room) => void room.request(ann, { type: "leave_room" }, room.nodes[1]) },
}

describe("writing while access is taken away", () => {
  for (const [name, { code, run }] of Object.entries(REVOCATIONS))
    it(`stores nothing after a ${name}, and refuses as ${code} from then on`, () => {
      const seen = new Set<string>()
      fc.assert(
        fc.property(
          fc.nat(),
          fc.nat({ max: 20 }),
          fc.array(
            fc.record({ does: fc.constantFrom("send", "edit", "react"), node: fc.nat({ max: 1 }), after: fc.nat({ max: 20 }) }),
            {
              minLength: 3,
              maxLength: 10,
            },
          ),
          (seed, revokeAfter, writes) => {
            const room = makeRoom({ seed, latency: 4 })
            const { sim } = room.cluster
            // Warms the grant of both nodes.
            const [first, second] = room.nodes.map((node, i) => room.ask(ann, send(`warm${i}`), node)) as [
              Exit.Success<Sent, never>,
              Exit.Success<Sent, never>,
            ]
            const client = sim.process()
            const ends: Array<ReturnType<Room["request"]>> = []
            writes.forEach(({ does, node, after }, i) =>
              client.later(after, () => {
                const frame =
                  does === "send"
                    ? send(`c${i}`)
                    : does === "edit"
                      ? { type: "edit_message", messageId: first.value.itemId, base: first.value.change, text: `edit ${i}` }
                      : { type: "message_reaction", messageId: second.value.itemId, emoji: `e${i}` }
                ends.push(room.request(ann, frame, room.nodes[node]!))
              }),
            )
            sim.advance(revokeAfter)
            run(room)
            sim.advance(200)
            const revocation = room.commits.find(({ commit }) => commit.revokes === true)
            if (revocation === undefined) throw new Error("nothing was taken away")
            const byAnn = room.commits.filter(
              ({ commit, change }) => change > revocation.change && commit.outbox.some(({ actor }) => actor === "ann"),
            )
            expect(byAnn).toEqual([])
            for (const fiber of ends) {
              const exit = fiber.pollUnsafe()!
              seen.add(Exit.isSuccess(exit) ? "stored" : `${codeOf(exit)}`)
              if (Exit.isSuccess(exit)) expect((exit.value as Sent).change).toBeLessThan(revocation.change)
            }
            expect(codeOf(room.ask(ann, send("after"), room.nodes[0]))).toBe(code)
            expect(codeOf(room.ask(ann, send("after"), room.nodes[1]))).toBe(code)
          },
        ),
        { numRuns: 100 },
      )
      expect(seen).toContain("stored")
      expect(seen).toContain(code)
    })

  it("gives back at once what is given back: no refusal is remembered", () => {
    const room = makeRoom()
    const { sim, store } = room.cluster
    expect(Exit.isSuccess(room.ask(ann, send("1")))).toBe(true)
    putMember(sim, store, ROOM, "ann", "removed")
    expect(codeOf(room.ask(ann, send("2")))).toBe("conversation_not_found")
    putMember(sim, store, ROOM, "ann", "joined")
    expect(Exit.isSuccess(room.ask(ann, send("2")))).toBe(true)
  })

  it("does not hold up the others: a removal of one makes the grants of all stale, and nobody notices", () => {
    const room = makeRoom()
    for (const who of [ann, ben, olga]) room.ask(who, send("1"))
    putMember(room.cluster.sim, room.cluster.store, ROOM, "ann", "removed")
    expect(Exit.isSuccess(room.ask(ben, send("2")))).toBe(true)
    expect(Exit.isSuccess(room.ask(olga, send("2")))).toBe(true)
  })

  it("is not asked of the log again while the grant holds: a send is one commit and no read", () => {
    const room = makeRoom()
    room.ask(ann, send("1"))
    const before = new Map(room.cluster.store.operations)
    room.ask(ann, send("2"))
    expect([...room.cluster.store.operations].filter(([name, count]) => count !== before.get(name))).toEqual([
      ["commit", (before.get("commit") ?? 0) + 1],
    ])
  })
})
