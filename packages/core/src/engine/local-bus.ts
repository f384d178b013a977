/**
 * The bus of one process: enough for a single node, and what a plain storage has that brings none. `publish` delivers before it returns, to every listener there is: what a listener did not follow it
 * ignores, and that costs less than looking up who follows.
 */
import * as Effect from "effect/Effect"
import { EventBus, type BusEvent, type BusListener, type BusSubscription, type EventBusShape } from "../ports/event-bus.ts"

const SUBSCRIPTION: BusSubscription = { follow: () => {}, unfollow: () => {} }

export const makeLocalBus: Effect.Effect<EventBusShape> = Effect.map(Effect.context(), (context) => {
  const report = Effect.runForkWith(context)
  // Replaced, never altered: an event goes to those who listened when its delivery began.
  let listeners: ReadonlyArray<BusListener> = []
  const waiting: Array<BusEvent> = []
  let delivering = false

  const deliver = (event: BusEvent): void => {
    for (const listener of listeners) {
      // Left meanwhile: an earlier listener may close the scope of a later one.
      if (!listeners.includes(listener)) continue
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
          listeners = [...listeners, own]
          return own
        }),
        (own) => Effect.sync(() => (listeners = listeners.filter((other) => other !== own))),
      ).pipe(Effect.as(SUBSCRIPTION)),
  })
})
