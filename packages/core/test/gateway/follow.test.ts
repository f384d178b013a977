/** Following without a request, and where a connection says that its client stands. */
import { describe, expect, it } from "vitest"
import { ClientModel, isModelFrame } from "@parley/testkit"
import { user } from "../support/cluster.ts"
import { ann, eve, makeRoom, olga, ROOM, type Room, send } from "../support/room.ts"
import { openWire } from "../support/wire.ts"

const LIMITS = { pageBytes: 2_000, windowMessages: 20, maxChangesBehind: 60 }

const follower = (room: Room, cursor?: string) => {
  const model = new ClientModel(ROOM)
  model.subscribe()
  const onFrame = (frame: { readonly type: string }): void => {
    if (isModelFrame(frame)) model.accept(frame as never)
  }
  const wire = openWire(room.cluster.sim, room.nodes[0], { principal: ann, onFrame })!
  wire.connection.follow(ROOM, { cursor, held: [] })
  return { wire, model, stands: () => wire.connection.cursors().get(ROOM) }
}

const write = (room: Room, count: number): void => {
  for (let i = 0; i < count; i++) room.ask(olga, send(`m${room.head()}`, "x".repeat(300)))
}

describe("a connection that follows without a request", () => {
  it("says at every moment the cursor of a client that took everything, and none while a window is under way", () => {
    const room = makeRoom({ limits: LIMITS, latency: 3 })
    write(room, 40)
    const { model, stands, wire } = follower(room)
    expect(stands()).toBeUndefined()
    const seen = new Set<string | undefined>()
    for (let step = 0; step < 430; step++) {
      if (step % 40 === 39) write(room, 3)
      room.cluster.sim.advance(1)
      seen.add(stands())
      expect(stands()).toBe(model.cursor)
    }
    expect(seen.size).toBeGreaterThan(5)
    expect(stands()?.split(".")[1]).toBe(String(room.head()))
    expect(wire.frames.map(({ type }) => type)).not.toContain("reply")
    expect(model.violations).toEqual([])
  })

  it("keeps the cursor that it was given until something came, and drops it with a resync", () => {
    const room = makeRoom({ limits: LIMITS, latency: 5 })
    write(room, 10)
    const first = follower(room)
    room.cluster.sim.advance(500)
    const held = first.stands()
    first.wire.cut()
    write(room, 5)
    const second = follower(room, held)
    expect(second.stands()).toBe(held)
    room.cluster.sim.advance(500)
    expect(second.stands()?.split(".")[1]).toBe(String(room.head()))
    second.wire.cut()
    write(room, 80)
    const third = follower(room, held)
    const said: Array<string | undefined> = []
    for (let step = 0; step < 300; step++) {
      room.cluster.sim.advance(1)
      if (said.at(-1) !== third.stands() || said.length === 0) said.push(third.stands())
    }
    expect(said.map((cursor) => cursor?.split(".")[1])).toEqual([held?.split(".")[1], undefined, String(room.head())])
  })

  it("drops the cursor of a reader that fell too far behind to resume", () => {
    const room = makeRoom({ limits: { ...LIMITS, maxChangesBehind: 2, maxQueuedBytes: 20_000 } })
    const { stands, wire, model } = follower(room)
    room.cluster.sim.advance(100)
    expect(stands()).toBe(model.cursor)
    wire.setPace("stuck")
    for (let i = 0; i < 100; i++) room.request(olga, send(`flood${i}`, "x".repeat(500)))
    room.cluster.sim.advance(100)
    expect(stands()).toBeUndefined()
    wire.setPace(1)
    room.cluster.sim.advance(1_000)
    expect(stands()).toBe(model.cursor)
    expect(stands()?.split(".")[1]).toBe(String(room.head()))
    expect(wire.frames.map(({ type }) => type)).toContain("resync")
  })

  it("has written everything it counts in the cursors it says", () => {
    const room = makeRoom()
    const { wire } = follower(room)
    room.cluster.sim.advance(100)
    wire.send({ type: "ping", id: "p" })
    expect(wire.frames.at(-1)?.type).not.toBe("pong")
    wire.connection.cursors()
    expect(wire.frames.at(-1)?.type).toBe("pong")
  })

  it("gets nothing but `unsubscribed` of a conversation that is another's", () => {
    const room = makeRoom()
    write(room, 3)
    const wire = openWire(room.cluster.sim, room.nodes[0], { principal: eve })!
    wire.connection.follow(ROOM, { held: [] })
    wire.connection.follow("room_nowhere", { held: [] })
    room.cluster.sim.advance(100)
    write(room, 3)
    room.cluster.sim.advance(100)
    expect(wire.frames.slice(1)).toEqual(
      [ROOM, "room_nowhere"].map((conversationId) => ({ type: "unsubscribed", conversationId, code: "conversation_not_found" })),
    )
    expect([...wire.connection.cursors()]).toEqual([])
  })

  it("follows nothing before it knows for whom, nor after its end", () => {
    const room = makeRoom()
    const wire = openWire(room.cluster.sim, room.nodes[0])!
    wire.connection.follow(ROOM, { held: [] })
    expect([...wire.connection.cursors()]).toEqual([])
    const other = openWire(room.cluster.sim, room.nodes[0], { principal: user("ann") })!
    other.connection.close("drain")
    other.connection.follow(ROOM, { held: [] })
    expect([...other.connection.cursors()]).toEqual([])
  })
})
