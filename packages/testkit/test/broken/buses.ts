/** Faults of `EventBus`. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EventBus, type BusEvent, type BusListener } from "@parley/core"
import { memoryBus } from "@parley/adapters/memory"
import type { Broken } from "./broken.ts"

type Bus = EventBus["Service"]

const brokenBus = (fault: string, caughtBy: ReadonlyArray<string>, change: (sound: Bus) => Partial<Bus>): Broken<EventBus> => ({
  fault,
  caughtBy,
  layer: () =>
    Layer.effect(
      EventBus,
      EventBus.use((sound) => Effect.succeed({ ...sound, ...change(sound) })),
    ).pipe(Layer.provide(memoryBus())),
})

/** The naive bus: a set of listeners and a loop. */
const naive = (): Bus => {
  const listeners = new Set<BusListener>()
  return {
    publish: (event) => listeners.forEach((listener) => listener.onEvent(event)),
    subscribe: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(listener)),
        () => Effect.sync(() => listeners.delete(listener)),
      ).pipe(Effect.as({ follow: () => {}, unfollow: () => {} })),
  }
}

export const brokenBuses: ReadonlyArray<Broken<EventBus>> = [
  brokenBus("reaches the other nodes only", ["bus.own", "bus.everybody"], () => ({ publish: () => {} })),
  brokenBus("carries changes only", ["bus.own"], (sound) => ({
    publish: (event) => (event.type === "change" ? sound.publish(event) : undefined),
  })),
  brokenBus("reaches one listener", ["bus.everybody", "bus.throws"], (sound) => {
    let taken = false
    return {
      subscribe: (listener) => {
        const own = taken ? { ...listener, onEvent: () => {} } : listener
        taken = true
        return sound.subscribe(own)
      },
    }
  }),
  brokenBus(
    "throws what listeners throw, calls inside calls, and joins equal listeners",
    ["bus.throws", "bus.one-at-a-time", "bus.same-listener"],
    naive,
  ),
  brokenBus("calls a listener again for the event it threw at", ["bus.throws"], (sound) => ({
    subscribe: (listener) =>
      sound.subscribe({
        ...listener,
        onEvent: (event) => {
          try {
            listener.onEvent(event)
          } catch {
            listener.onEvent(event)
          }
        },
      }),
  })),
  brokenBus("delivers after the end", ["bus.closed"], (sound) => {
    const everybody: Array<(event: BusEvent) => void> = []
    return {
      publish: (event) => {
        for (const onEvent of everybody) onEvent(event)
      },
      subscribe: (listener) => {
        everybody.push((event) => listener.onEvent(event))
        return sound.subscribe(listener)
      },
    }
  }),
  brokenBus("ends with the first unfollow, and counts below zero", ["bus.follow-counted"], (sound) => ({
    subscribe: (listener) => {
      let following = 0
      return Effect.map(
        sound.subscribe({ ...listener, onEvent: (event) => (following === 1 ? listener.onEvent(event) : undefined) }),
        () => ({ follow: () => (following += 1), unfollow: () => (following = Math.min(following - 1, 0)) }),
      )
    },
  })),
]
