/** A bus without Effect. */
import * as Effect from "effect/Effect"
import { EventBus, type BusEvent, type BusListener, type BusSubscription, type EventBusShape } from "../ports/event-bus.ts"

/** Contract: that of EventBus. */
export interface PlainBus {
  /** Returns at once and never throws. */
  readonly publish: (event: BusEvent) => void
  /** `close` ends the subscription: the listener gets nothing afterwards. */
  readonly subscribe: (listener: BusListener) => PlainBusSubscription
}

export interface PlainBusSubscription extends BusSubscription {
  readonly close: () => void
}

/** Neither a listener that throws nor one that has left is the bus's concern: both are seen to here. */
export const makePlainBus = (bus: PlainBus): Effect.Effect<EventBusShape> =>
  Effect.map(Effect.context(), (context) => {
    const run = Effect.runForkWith(context)
    const guarded = (task: () => void): void => {
      try {
        task()
      } catch (error) {
        run(Effect.logError("a bus listener, or the end of its subscription, threw", error))
      }
    }
    return EventBus.of({
      publish: (event) => {
        try {
          bus.publish(event)
        } catch (error) {
          // It stands on the path of every send, which is stored by now: the hubs find what is missing by themselves.
          run(Effect.logError("the bus threw when it was to publish", error))
        }
      },
      subscribe: (listener) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            let left = false
            const subscription = bus.subscribe({
              onEvent: (event) => left || guarded(() => listener.onEvent(event)),
              onGap: () => left || guarded(() => listener.onGap()),
            })
            const leave = (): void => {
              left = true
              subscription.close()
            }
            return { subscription, leave }
          }),
          ({ leave }) => Effect.sync(() => guarded(leave)),
        ).pipe(Effect.map(({ subscription }) => subscription)),
    })
  })
