/**
 * The bus of one process. `publish` delivers before it returns, to every listener there is: what a listener did not follow it
 * ignores, and that costs less than looking up who follows.
 */
import * as Effect from "effect/Effect"
import { EventBus, type BusEvent, type BusListener, type BusSubscription } from "@parley/core"

const SUBSCRIPTION: BusSubscription = { follow: () => {}, unfollow: () => {} }

export const makeEventBus: Effect.Effect<EventBus["Service"]> = Effect.map(Effect.context(), (context) => {
  const report = Effect.runForkWith(context)
  const listeners = new Set<BusListener>()
  const waiting: Array<BusEvent> = []
  let delivering = false

  const deliver = (event: BusEvent): void => {
    // A snapshot: whoever subscribes inside a listener starts with the next event. Whoever left in the meantime gets nothing.
    for (const listener of [...listeners]) {
      if (!listeners.has(listener)) continue
      try {
        listener.onEvent(event)
      } catch (error) {
        report(Effect.logError("a bus listener threw", error))
      }
    }
  }

  return EventBus.of({
    publish: (event) => {
      waiting.push(event)
      // A listener that publishes only appends: everybody sees this event to the end before the next one.
      if (delivering) return
      delivering = true
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) deliver(next)
      delivering = false
    },
    subscribe: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          // Its own object, so that one listener may subscribe twice.
          const own: BusListener = { onEvent: (event) => listener.onEvent(event), onGap: () => listener.onGap() }
          listeners.add(own)
          return own
        }),
        (own) => Effect.sync(() => listeners.delete(own)),
      ).pipe(Effect.as(SUBSCRIPTION)),
  })
})
