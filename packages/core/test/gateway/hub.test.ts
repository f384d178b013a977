/** The hub: what a node keeps of the conversations that are read on it, and how it finds out what the bus did not say. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { describe, expect, it } from "vitest"
import { makeAccessCache } from "../../src/engine/access.ts"
import { makeHub } from "../../src/gateway/hub.ts"
import type { Reader } from "../../src/gateway/hub-conversation.ts"
import { DEFAULT_LIMITS, DEFAULT_TIMING } from "../../src/policy/limits.ts"
import type { ConversationLogShape } from "../../src/ports/conversation-log.ts"
import type { BusEvent, BusListener } from "../../src/ports/event-bus.ts"
import { System } from "../../src/system.ts"
import { seedConversation, TENANT } from "../support/conversations.ts"
import { makeSimulatedStore } from "../support/simulated-store.ts"
import { makeSimulation } from "../support/simulation.ts"

const ID = "room_1"

/** A hub over a store whose epoch can be changed, and a bus that tells only what the test says. */
const makeWorld = () => {
  const sim = makeSimulation(1)
  const store = makeSimulatedStore(sim)
  seedConversation(sim, store, { id: ID, type: "private", members: ["ann"] })
  const process = sim.process()
  const followed = new Map<string, number>()
  let listener: BusListener | undefined
  let epoch: string | undefined
  const near = store.from(process)
  const restored = <A extends { readonly head: { readonly epoch: string } } | undefined>(found: A): A =>
    found === undefined || epoch === undefined ? found : { ...found, head: { ...found.head, epoch } }
  const log: ConversationLogShape = {
    ...near.log,
    get: (query) => Effect.map(near.log.get(query), restored),
    changes: (query) => Effect.map(near.log.changes(query), restored),
    heads: (ids) => Effect.map(near.log.heads(ids), (found) => (epoch === undefined ? found : { ...found, epoch })),
  }
  const hub = sim.run(
    makeHub(
      {
        log,
        bus: {
          publish: () => {},
          subscribe: (given) =>
            Effect.sync(() => {
              listener = given
              const count = (by: number) => (tenant: string, id: string) =>
                void followed.set(`${tenant} ${id}`, (followed.get(`${tenant} ${id}`) ?? 0) + by)
              return { follow: count(1), unfollow: count(-1) }
            }),
        },
        system: sim.run(Effect.service(System), process),
        limits: DEFAULT_LIMITS,
        timing: DEFAULT_TIMING,
        access: makeAccessCache(log),
        assistant: undefined,
      },
      near.leases,
    ).pipe(Effect.provideService(Scope.Scope, Scope.makeUnsafe())),
    process,
  )
  const heard: Array<string> = []
  let position = 1
  const reader: Reader = {
    userId: "ann",
    position: () => position,
    deliver: (live) => {
      position = live.upTo
      heard.push(`to ${live.upTo}`)
    },
    recheck: () => heard.push("recheck"),
    reset: () => heard.push("reset"),
    gone: () => heard.push("gone"),
  }
  const rename = (name: string) => {
    const body = sim.run(store.log.get({ tenant: TENANT, conversation: ID, items: [ID] }))!.items[0]!
    const { change, createdAt: _createdAt, updatedAt: _updatedAt, ...rest } = body
    sim.run(
      store.log.commit({
        tenant: TENANT,
        conversation: ID,
        puts: [{ item: { ...rest, name } as never, was: change }],
        outbox: [],
      }),
    )
  }
  return {
    sim,
    store,
    hub,
    process,
    heard,
    reader,
    followed,
    rename,
    tell: (event: BusEvent) => listener?.onEvent(event),
    loseTouch: () => listener?.onGap(),
    restore: () => {
      epoch = "restored"
    },
    attach: () => {
      const conversation = sim.run(hub.attach(TENANT, ID, reader), process)
      position = conversation.head
      expect(conversation.goLive(reader)).toBe(true)
      return conversation
    },
  }
}

describe("the hub", () => {
  it("lets go of a conversation some time after its last reader, and of what it asked the bus for", () => {
    const { sim, hub, attach, reader, followed } = makeWorld()
    const conversation = attach()
    sim.advance(60_000)
    expect(hub.size()).toBe(1)
    hub.detach(conversation, reader)
    sim.advance(5_000)
    expect(hub.size()).toBe(1)
    sim.advance(20_000)
    expect(hub.size()).toBe(0)
    expect([...followed.values()]).toEqual([0])
  })

  it("keeps nothing of a conversation that is not there", () => {
    const { sim, hub, process, reader, followed } = makeWorld()
    expect(sim.exit(hub.attach(TENANT, "room_none", reader), process)._tag).toBe("Failure")
    expect(hub.size()).toBe(0)
    expect([...followed.values()]).toEqual([0])
  })

  it("opens a conversation once for all who ask at the same time", () => {
    const { sim, store, hub, process, reader } = makeWorld()
    store.faults.latency = 5
    const fibers = Array.from({ length: 10 }, () => process.fork(hub.attach(TENANT, ID, { ...reader })))
    const found = new Set(fibers.map((fiber) => sim.join(fiber)).map((exit) => exit._tag === "Success" && exit.value))
    expect(found.size).toBe(1)
    expect(store.operations.get("get")).toBe(1)
  })

  it("finds within a heads interval what the bus never said, with one read for a gap of any length", () => {
    const { sim, store, heard, rename, attach } = makeWorld()
    const { head } = attach()
    for (let i = 0; i < 20; i++) rename(`name ${i}`)
    sim.advance(DEFAULT_TIMING.headsInterval + 10)
    expect(heard).toEqual([`to ${head + 20}`])
    expect(store.operations.get("changes")).toBe(1)
  })

  it("asks at once when the bus lost touch", () => {
    const { sim, heard, rename, attach, loseTouch } = makeWorld()
    const { head } = attach()
    rename("unheard")
    loseTouch()
    sim.advance(1)
    expect(heard).toEqual([`to ${head + 1}`])
  })

  it("does not wait for a change that the log does not have", () => {
    const { sim, store, heard, attach, tell } = makeWorld()
    const { epoch, head } = attach()
    tell({ type: "change", tenant: TENANT, conversation: ID, epoch, change: head + 100 })
    sim.advance(10_000)
    expect(heard).toEqual([])
    expect(store.operations.get("changes")).toBe(1)
  })

  it("sends its readers back to the beginning when the store has another history, and opens it anew", () => {
    const { sim, hub, process, heard, reader, attach, restore } = makeWorld()
    const before = attach()
    restore()
    sim.advance(DEFAULT_TIMING.headsInterval + 10)
    expect(heard).toEqual(["reset"])
    const after = sim.run(hub.attach(TENANT, ID, reader), process)
    expect(after).not.toBe(before)
    expect(after.epoch).toBe("restored")
  })

  it("asks the store when a hint speaks of another history, and believes the store", () => {
    const { sim, heard, attach, tell } = makeWorld()
    attach()
    tell({ type: "change", tenant: TENANT, conversation: ID, epoch: "forged", change: 3 })
    sim.advance(100)
    expect(heard).toEqual([])
  })

  it("looks again at everybody's access when something was taken away, though nobody said so", () => {
    const { sim, store, heard, attach } = makeWorld()
    attach()
    sim.run(store.log.commit({ tenant: TENANT, conversation: ID, puts: [], outbox: [], revokes: true }))
    sim.advance(DEFAULT_TIMING.headsInterval + 10)
    expect(heard).toEqual(["recheck"])
  })

  it("tells its readers when the conversation is gone, heard of or not", () => {
    for (const told of [true, false]) {
      const { sim, store, hub, heard, attach, tell } = makeWorld()
      attach()
      sim.run(store.log.commit({ tenant: TENANT, conversation: ID, puts: [], outbox: [], erase: true }))
      if (told) tell({ type: "erased", tenant: TENANT, conversation: ID })
      sim.advance(DEFAULT_TIMING.headsInterval + 10)
      expect(heard).toEqual(["gone"])
      expect(hub.size()).toBe(0)
    }
  })

  it("reads heads once for all who ask in one tick", () => {
    const { sim, store, hub, process } = makeWorld()
    const fibers = Array.from({ length: 50 }, () => process.fork(hub.heads(TENANT, [ID])))
    sim.advance(1)
    expect(store.operations.get("heads")).toBe(1)
    for (const fiber of fibers) expect(fiber.pollUnsafe()?._tag).toBe("Success")
  })
})
