import { BroadcastChannel } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EventBus, type BusEvent } from "@parley/core"

/** A bus between the threads of one process. */
export const threadBus = (name: string): Layer.Layer<EventBus> =>
  Layer.effect(
    EventBus,
    Effect.gen(function* () {
      const report = Effect.runForkWith(yield* Effect.context())
      const open = Effect.acquireRelease(
        Effect.sync(() => new BroadcastChannel(name)),
        (channel) => Effect.sync(() => channel.close()),
      )
      const sender = yield* open
      return EventBus.of({
        publish: (event) => sender.postMessage(event),
        // A channel each: it gets what others send, ours included, one message a task, and nothing after its close.
        subscribe: (listener) =>
          Effect.map(open, (channel) => {
            channel.onmessage = ({ data }: MessageEvent) => {
              try {
                listener.onEvent(data as BusEvent)
              } catch (error) {
                report(Effect.logError("a bus listener threw", error))
              }
            }
            return { follow: () => {}, unfollow: () => {} }
          }),
      })
    }),
  )
