/** G11: what one connection can make this process keep is bounded, whatever its client does and does not read. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { agree, checkLaw, type LogModel } from "@parley/testkit"
import { ann, makeAsking } from "../support/asking.ts"
import { user } from "../support/cluster.ts"
import { seedConversation } from "../support/conversations.ts"
import { makeMarks } from "../support/marks.ts"
import { makeReader } from "../support/reader.ts"
import { ben, makeRoom, olga, ROOM, type Room, send } from "../support/room.ts"
import { openWire, type Wire } from "../support/wire.ts"

const LIMITS = { maxQueuedBytes: 20_000, pageBytes: 4_000, maxHistoryPage: 50, windowMessages: 50, maxInFlight: 16 }

/** The bound, one page above it, and what little the replies of requests in flight may add. */
const MOST = LIMITS.maxQueuedBytes + LIMITS.pageBytes * 1.5

const flood = (room: Room, count: number, length = 500): void => {
  for (let i = 0; i < count; i++) {
    room.request(ben, send(`flood${room.head()}.${i}`, "x".repeat(length)))
    if (i % 5 === 4) room.cluster.sim.advance(1)
  }
}

/** Lets everything through, one write after the other. */
const drain = (room: { readonly cluster: Room["cluster"] }, wire: Wire): void => {
  wire.setPace(2)
  room.cluster.sim.advance(5_000)
}

describe("a reader that takes nothing", () => {
  it("has no more queued than the bound and one frame, and is closed as a slow consumer after the write timeout", () => {
    const room = makeRoom({ limits: LIMITS, timing: { writeTimeout: 5_000 } })
    const { sim } = room.cluster
    const wire = openWire(sim, room.nodes[0], { principal: olga })!
    wire.send({ type: "subscribe", conversationId: ROOM })
    sim.advance(50)
    wire.setPace("stuck")
    for (let second = 0; second < 7 && wire.closedWith() === undefined; second++) {
      flood(room, 200)
      sim.advance(1_000 - 40)
      expect(wire.peak()).toBeLessThanOrEqual(MOST)
    }
    expect(wire.closedWith()).toBe("slow_consumer")
    expect(room.nodes[0].gateway.connections()).toBe(0)
  })

  it("is not closed while it has nothing to take", () => {
    const room = makeRoom({ limits: LIMITS, timing: { writeTimeout: 5_000 } })
    const wire = openWire(room.cluster.sim, room.nodes[0], { principal: olga })!
    wire.send({ type: "subscribe", conversationId: ROOM })
    room.cluster.sim.advance(60_000)
    expect(wire.closedWith()).toBeUndefined()
  })

  it("of pages of many conversations at once, gets one after the other", () => {
    const room = makeRoom({ limits: LIMITS, latency: 3 })
    const { sim, store } = room.cluster
    const ids = Array.from({ length: 30 }, (_, i) => `room_many${i}`)
    for (const id of ids) {
      seedConversation(sim, store, { id, type: "private", members: ["olga", "ben"] })
      for (let i = 0; i < 12; i++) room.request(ben, { ...send(`c${i}`, "y".repeat(900)), conversationId: id })
      sim.advance(5)
    }
    const wire = openWire(sim, room.nodes[0], { principal: olga, pace: "stuck" })!
    for (const conversationId of ids) wire.send({ type: "subscribe", conversationId })
    sim.advance(2_000)
    expect(wire.peak()).toBeLessThanOrEqual(MOST)
    drain(room, wire)
    expect(wire.peak()).toBeLessThanOrEqual(MOST)
    const whole = wire.frames.filter((frame) => frame.type === "changes" && !frame.more)
    expect(whole).toHaveLength(ids.length)
  })

  it("cannot pile up replies: requests wait, and the transport is told to stop reading", () => {
    const room = makeRoom({ limits: LIMITS, latency: 2 })
    const { sim } = room.cluster
    flood(room, 60)
    sim.advance(100)
    const wire = openWire(sim, room.nodes[0], { principal: olga, pace: "stuck" })!
    for (let i = 0; i < 400; i++) wire.send({ type: "get_history", conversationId: ROOM, id: `h${i}` })
    sim.advance(2_000)
    expect(wire.paused()).toBe(true)
    expect(wire.peak()).toBeLessThanOrEqual(MOST)
    drain(room, wire)
    expect(wire.peak()).toBeLessThanOrEqual(MOST)
    expect(wire.paused()).toBe(false)
    const replies = wire.frames.flatMap((frame) => (frame.type === "reply" ? [frame.id] : []))
    expect(replies).toHaveLength(400)
    expect(new Set(replies).size).toBe(400)
  })

  it("of the texts of many open answers, gets one after the other, and each to its end", () => {
    const asking = makeAsking({ limits: LIMITS })
    const { sim } = asking.cluster
    const node = asking.start()
    const asked = Array.from({ length: 20 }, () => asking.ask(node))
    for (const { answer } of asked) asking.callOf(answer).text("z".repeat(3_000))
    sim.advance(500)
    const wire = openWire(sim, node, { principal: ann, pace: "stuck" })!
    wire.send({ type: "subscribe", conversationId: asked[0]!.conversationId })
    sim.advance(200)
    wire.setPace(5)
    while (!wire.frames.some(({ type }) => type === "answer_snapshot")) sim.advance(1)
    // So slowly that answers go on while their text so far is still owed.
    wire.setPace(400)
    for (let i = 0; i < 20; i++) {
      for (const { answer } of asked) asking.callOf(answer).text(`${i};`)
      sim.advance(100)
    }
    expect(wire.peak()).toBeLessThanOrEqual(MOST)
    drain(asking, wire)
    const shown = new Map<string, string>()
    for (const frame of wire.frames) {
      if (frame.type !== "answer_delta" && frame.type !== "answer_snapshot") continue
      const before = shown.get(frame.messageId) ?? ""
      expect(frame.offset).toBeLessThanOrEqual(before.length)
      shown.set(frame.messageId, before.slice(0, frame.offset) + frame.text)
    }
    const words = Array.from({ length: 20 }, (_, i) => `${i};`).join("")
    for (const { answer } of asked) expect(shown.get(answer)).toBe("z".repeat(3_000) + words)
  })
})

describe("a reader that takes everything at once", () => {
  it("gets the texts of many open answers, which together exceed the bound", () => {
    const asking = makeAsking({ limits: LIMITS })
    const { sim } = asking.cluster
    const node = asking.start()
    const asked = Array.from({ length: 20 }, () => asking.ask(node))
    for (const { answer } of asked) asking.callOf(answer).text("z".repeat(3_000))
    sim.advance(500)
    const wire = openWire(sim, node, { principal: ann })!
    wire.send({ type: "subscribe", conversationId: asked[0]!.conversationId })
    sim.advance(100)
    expect(wire.frames.filter((frame) => frame.type === "answer_snapshot" && frame.text.length === 3_000)).toHaveLength(20)
  })

  it("gets the replies of any number of requests", () => {
    const room = makeRoom({ limits: LIMITS, latency: 2 })
    flood(room, 60)
    room.cluster.sim.advance(100)
    const wire = openWire(room.cluster.sim, room.nodes[0], { principal: olga })!
    for (let i = 0; i < 400; i++) wire.send({ type: "get_history", conversationId: ROOM, id: `h${i}` })
    for (let i = 0; i < 400; i++) wire.send({ type: "ping", id: `p${i}` })
    room.cluster.sim.advance(5_000)
    expect(wire.frames.filter(({ type }) => type === "reply" || type === "pong")).toHaveLength(800)
    expect(wire.paused()).toBe(false)
  })
})

describe("a reader that is slow", () => {
  it("first loses pieces of answers, and gets their text once it drains", () => {
    const asking = makeAsking({ limits: LIMITS })
    const { sim } = asking.cluster
    const node = asking.start()
    const { answer, conversationId } = asking.ask(node)
    const wire = openWire(sim, node, { principal: ann })!
    wire.send({ type: "subscribe", conversationId })
    sim.advance(50)
    wire.setPace("stuck")
    for (let i = 0; i < 100; i++) {
      asking.callOf(answer).text("w".repeat(400))
      sim.advance(60)
    }
    expect(wire.peak()).toBeLessThanOrEqual(LIMITS.maxQueuedBytes / 2 + 1_000)
    drain(asking, wire)
    let shown = ""
    for (const frame of wire.frames)
      if (frame.type === "answer_delta" || frame.type === "answer_snapshot") {
        expect(frame.offset).toBeLessThanOrEqual(shown.length)
        shown = shown.slice(0, frame.offset) + frame.text
      }
    expect(shown).toBe("w".repeat(40_000))
  })

  it("holds what the law says, over any pace, while and after it was flooded", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.constantFrom("at once", 1, 15, 60, "stuck"), { minLength: 1, maxLength: 8 }),
        (seed, paces) => {
          const room = makeRoom({ seed, limits: LIMITS, latency: 2 })
          const { sim } = room.cluster
          const slow = makeReader(sim, ROOM, olga, makeMarks())
          const fast = makeReader(sim, ROOM, ben, makeMarks())
          slow.connect(room.nodes[0], "at once")
          fast.connect(room.nodes[0], "at once")
          for (const pace of paces) {
            slow.setPace(pace as "stuck")
            flood(room, 40, 300)
            sim.advance(sim.int(200))
          }
          slow.setPace("at once")
          sim.advance(3_000)
          const log = room.cluster.logs.get(ROOM) as LogModel
          expect([...slow.model.violations, ...checkLaw(log, slow.model), ...agree(slow.model, fast.model)]).toEqual([])
          expect(slow.model.change).toBe(room.head())
        },
      ),
      { numRuns: 40 },
    )
  })

  it("does not slow down the others", () => {
    const room = makeRoom({ limits: LIMITS })
    const { sim } = room.cluster
    const stuck = openWire(sim, room.nodes[0], { principal: olga, pace: "stuck" })!
    const free = openWire(sim, room.nodes[0], { principal: user("ann") })!
    for (const wire of [stuck, free]) wire.send({ type: "subscribe", conversationId: ROOM })
    sim.advance(50)
    flood(room, 100)
    sim.advance(5)
    expect(free.frames.filter(({ type }) => type === "new_message")).toHaveLength(100)
  })
})
