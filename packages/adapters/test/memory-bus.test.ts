import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { describe, expect, it } from "vitest"
import { EventBus, type BusEvent } from "@parley/core"
import { memoryBus } from "@parley/adapters/memory"

const change = (number: number): BusEvent => ({
  type: "change",
  tenant: "acme",
  conversation: "room_1",
  epoch: "e1",
  change: number,
})
const numberOf = (event: BusEvent): number => (event.type === "change" ? event.change : 0)
const listener = (onEvent: (change: number) => void) => ({
  onEvent: (event: BusEvent) => onEvent(numberOf(event)),
  onGap: () => {},
})

describe("the bus in memory", () => {
  it("delivers before publish returns, in order, to listeners in the order they came", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const seen: Array<string> = []
      yield* bus.subscribe(listener((n) => seen.push(`a${n}`)))
      yield* bus.subscribe(listener((n) => seen.push(`b${n}`)))
      bus.publish(change(1))
      bus.publish(change(2))
      expect(seen).toEqual(["a1", "b1", "a2", "b2"])
    }).pipe(Effect.scoped, Effect.provide(memoryBus()), Effect.runPromise))

  it("shows everybody an event before the one that a listener publishes meanwhile", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const seen: Array<string> = []
      yield* bus.subscribe(
        listener((n) => {
          seen.push(`a${n}`)
          if (n < 3) bus.publish(change(n + 1))
        }),
      )
      yield* bus.subscribe(listener((n) => seen.push(`b${n}`)))
      bus.publish(change(1))
      expect(seen).toEqual(["a1", "b1", "a2", "b2", "a3", "b3"])
    }).pipe(Effect.scoped, Effect.provide(memoryBus()), Effect.runPromise))

  it("gives nothing to a listener that an earlier one ends, and the event not to one that it brings", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const [seen, ending] = [new Array<string>(), Scope.makeUnsafe()]
      const scope = yield* Effect.scope
      const join = (name: string) => bus.subscribe(listener((n) => seen.push(`${name}${n}`)))
      yield* bus.subscribe(
        listener((n) => {
          if (n !== 1) return
          Effect.runSync(Scope.close(ending, Exit.void))
          Effect.runSync(Scope.provide(join("new"), scope))
        }),
      )
      yield* Scope.provide(join("left"), ending)
      yield* join("stays")
      bus.publish(change(1))
      bus.publish(change(2))
      expect(seen).toEqual(["stays1", "stays2", "new2"])
    }).pipe(Effect.scoped, Effect.provide(memoryBus()), Effect.runPromise))

  it("reports a listener that throws to the log of its layer", async () => {
    const reported: Array<unknown> = []
    const sink = Logger.layer([Logger.make(({ message }) => void reported.push(message))])
    const program = Effect.gen(function* () {
      const bus = yield* EventBus
      yield* bus.subscribe({
        onEvent: () => {
          throw new Error("broken listener")
        },
        onGap: () => {},
      })
      bus.publish(change(1))
      yield* Effect.yieldNow
    }).pipe(Effect.scoped, Effect.provide(memoryBus()), Effect.provide(sink))
    await Effect.runPromise(program)
    expect(String(reported)).toMatch(/a bus listener threw.*broken listener/u)
  })
})
