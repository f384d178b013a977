/** One connection: its requests, their order and their bounds, its life and its end. */
import { describe, expect, it } from "vitest"
import { seedConversation } from "../support/conversations.ts"
import { ann, makeRoom, olga, ROOM, send } from "../support/room.ts"
import { openWire, replyTo } from "../support/wire.ts"

const CONVERSATION_FRAMES = ["changes", "new_message"]

describe("requests of one connection", () => {
  it("stop being read at the bound of requests in flight, and go on when half of them are answered", () => {
    const room = makeRoom({ limits: { maxInFlight: 8 }, latency: 5 })
    const { sim } = room.cluster
    const wire = openWire(sim, room.nodes[0], { principal: ann })!
    room.ask(ann, send("warm"), room.nodes[0])
    const before = room.cluster.store.operations.get("commit")!
    // As much as one read of the network may bring, though the transport was told to stop.
    const ids = Array.from({ length: 40 }, (_, i) => wire.send({ ...send(`c${i}`), conversationId: ROOM }))
    expect(wire.paused()).toBe(true)
    expect(room.cluster.store.operations.get("commit")! - before).toBe(8)
    sim.advance(500)
    expect(wire.paused()).toBe(false)
    for (const id of ids) expect(replyTo(wire, id)?.type).toBe("reply")
  })

  it("are stored in the order they came in, though none waits for another", () => {
    const room = makeRoom({ latency: 5 })
    const wire = openWire(room.cluster.sim, room.nodes[0], { principal: ann })!
    for (let i = 0; i < 50; i++) wire.send({ ...send(`c${i}`), conversationId: ROOM })
    room.cluster.sim.advance(1_000)
    expect(room.messages().map(({ clientMessageId }) => clientMessageId)).toEqual(Array.from({ length: 50 }, (_, i) => `c${i}`))
  })

  it("keep to the bound of subscriptions, also when they come all at once", () => {
    const room = makeRoom({ limits: { maxSubscriptions: 3 }, latency: 3 })
    const { sim, store } = room.cluster
    const ids = Array.from({ length: 6 }, (_, i) => `room_many${i}`)
    for (const id of ids) seedConversation(sim, store, { id, type: "private", members: ["ann"] })
    const wire = openWire(sim, room.nodes[0], { principal: ann })!
    const requests = ids.map((conversationId) => wire.send({ type: "subscribe", conversationId }))
    sim.advance(500)
    expect(requests.map((id) => replyTo(wire, id)?.type)).toEqual(["reply", "reply", "reply", "error", "error", "error"])
    wire.send({ type: "unsubscribe", conversationId: ids[0] })
    const again = wire.send({ type: "subscribe", conversationId: ids[3] })
    sim.advance(500)
    expect(replyTo(wire, again)?.type).toBe("reply")
  })

  it("that unsubscribe end a subscription that has not begun yet", () => {
    const room = makeRoom({ latency: 5 })
    const { sim } = room.cluster
    const wire = openWire(sim, room.nodes[0], { principal: ann })!
    wire.send({ type: "subscribe", conversationId: ROOM })
    wire.send({ type: "unsubscribe", conversationId: ROOM })
    sim.advance(500)
    room.ask(olga, send("later"))
    sim.advance(500)
    expect(wire.frames.filter(({ type }) => CONVERSATION_FRAMES.includes(type))).toEqual([])
  })

  it("that subscribe twice at once leave the later one, wherever the earlier one began", () => {
    for (let seed = 0; seed < 20; seed++) {
      const room = makeRoom({ seed, latency: 8 })
      const { sim } = room.cluster
      for (let i = 0; i < 5; i++) room.ask(olga, send(`c${i}`))
      const wire = openWire(sim, room.nodes[0], { principal: ann })!
      const epoch = room.cluster.logs.get(ROOM)?.epoch
      wire.send({ type: "subscribe", conversationId: ROOM })
      const later = wire.send({ type: "subscribe", conversationId: ROOM, cursor: `${epoch}.6` })
      sim.advance(500)
      const reply = wire.frames.findIndex((frame) => frame.type === "reply" && frame.id === later)
      const pages = wire.frames.slice(reply).filter((frame) => frame.type === "changes")
      expect(pages.map((frame) => frame.type === "changes" && [frame.after, frame.window])).toEqual([[6, undefined]])
    }
  })

  it("are each answered exactly once, whatever they are", () => {
    const room = makeRoom()
    const wire = openWire(room.cluster.sim, room.nodes[0], { principal: ann })!
    wire.send({ type: "no_such_type", id: "a" })
    wire.send({ type: "send_message", id: "b" })
    wire.send({ ...send("c1"), conversationId: "room_other", id: "c" })
    wire.send({ type: "ping", id: "d" })
    wire.connection.receive("no json")
    room.cluster.sim.advance(100)
    const answered = wire.frames.flatMap((frame) =>
      frame.type === "error" ? [`${frame.id} ${frame.error.code}`] : frame.type === "pong" ? [`${frame.id} pong`] : [],
    )
    expect(answered.sort()).toEqual([
      "a unknown_type",
      "b invalid_request",
      "c conversation_not_found",
      "d pong",
      "undefined invalid_json",
    ])
  })
})

describe("the life of a connection", () => {
  const open = (options: Parameters<typeof makeRoom>[0] = {}) => {
    const room = makeRoom(options)
    return { room, sim: room.cluster.sim, node: room.nodes[0] }
  }

  it("ends when no token comes in time, or one that is not valid", () => {
    const { sim, node } = open()
    const silent = openWire(sim, node)!
    const wrong = openWire(sim, node)!
    const stale = openWire(sim, node)!
    wrong.send({ type: "authenticate", token: "nonsense" })
    stale.send({ type: "authenticate", token: "expired" })
    sim.advance(100)
    expect([silent, wrong, stale].map((wire) => wire.closedWith())).toEqual([undefined, "unauthenticated", "token_expired"])
    sim.advance(6_000)
    expect(silent.closedWith()).toBe("unauthenticated")
  })

  it("goes on with a refreshed token of the same user, and ends with one of another", () => {
    const { sim, node } = open()
    const wire = openWire(sim, node)!
    for (let i = 0; i < 2; i++) wire.send({ type: "authenticate", token: "user:ann" })
    sim.advance(100)
    expect(wire.closedWith()).toBeUndefined()
    expect(wire.frames.filter(({ type }) => type === "welcome")).toHaveLength(1)
    wire.send({ type: "authenticate", token: "user:ben" })
    sim.advance(100)
    expect(wire.closedWith()).toBe("principal_changed")
  })

  it("ends some time after its token expired, and refuses requests from then on", () => {
    const { sim, node } = open({ timing: { tokenLeeway: 1_000 } })
    const wire = openWire(sim, node, { principal: { ...ann, expiresAt: sim.now() + 2_000 } })!
    sim.advance(2_500)
    expect(wire.closedWith()).toBeUndefined()
    sim.advance(2_000)
    expect(wire.closedWith()).toBe("token_expired")
  })

  it("ends for want of a sign of life, and for want of a use", () => {
    const { sim, node } = open({ timing: { heartbeatInterval: 1_000, pongTimeout: 2_000, idleTimeout: 20_000 } })
    const dead = openWire(sim, node, { principal: ann, lively: false })!
    const idle = openWire(sim, node, { principal: ann })!
    const listening = openWire(sim, node, { principal: ann })!
    listening.send({ type: "subscribe", conversationId: ROOM })
    sim.advance(5_000)
    expect(dead.closedWith()).toBe("pong_timeout")
    sim.advance(17_000)
    expect([idle, listening].map((wire) => wire.closedWith())).toEqual(["idle_timeout", undefined])
  })

  it("ends with the drain, after the client was told when to come back, each at its own time", () => {
    const { sim, node } = open({ timing: { drain: 2_000 } })
    const closedAt: Array<number> = []
    const wires = Array.from({ length: 10 }, () =>
      openWire(sim, node, { principal: ann, onClose: () => closedAt.push(sim.now()) })!,
    )
    node.stop()
    for (const wire of wires) {
      expect(wire.frames.at(-1)?.type).toBe("drain")
      expect(wire.closedWith()).toBe("drain")
    }
    expect(new Set(closedAt).size).toBeGreaterThan(5)
    expect(openWire(sim, node, { principal: ann })).toBeUndefined()
  })

  it("is one of a bounded number", () => {
    const { sim, node } = open({ limits: { maxConnections: 2 } })
    const [first] = [openWire(sim, node, { principal: ann }), openWire(sim, node, { principal: ann })]
    expect(openWire(sim, node, { principal: ann })).toBeUndefined()
    first?.cut()
    expect(openWire(sim, node, { principal: ann })).toBeDefined()
  })
})
