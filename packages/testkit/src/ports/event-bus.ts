/** EventBus: hints that arrive, in a listener's own time, and never after it left. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { EventBus, type BusEvent, type BusListener } from "@parley/core"
import type { Case } from "../conformance/case.ts"

const change = (number: number, conversation = "room_1"): BusEvent => ({
  type: "change",
  tenant: "acme",
  conversation,
  epoch: "e1",
  change: number,
})

const changesOf = (events: ReadonlyArray<BusEvent>, conversation = "room_1"): ReadonlyArray<number> =>
  events.flatMap((event) => (event.type === "change" && event.conversation === conversation ? [event.change] : []))

interface Collector extends BusListener {
  readonly events: Array<BusEvent>
}

const collector = (): Collector => {
  const events: Array<BusEvent> = []
  return { events, onEvent: (event) => void events.push(event), onGap: () => {} }
}

const subscribe = (listener: BusListener, conversations: ReadonlyArray<string> = ["room_1"]) =>
  Effect.gen(function* () {
    const bus = yield* EventBus
    const subscription = yield* bus.subscribe(listener)
    for (const conversation of conversations) subscription.follow("acme", conversation)
    return subscription
  })

/** Waits for a bus that has a way to go; a bus inside the process is there at once. */
const until = (what: string, holds: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let tries = 0; !holds(); tries++) {
      Assert.ok(tries < 1_000, `5 s have passed: ${what}`)
      yield* Effect.sleep(5)
    }
  })

const publish = (...events: ReadonlyArray<BusEvent>) =>
  EventBus.use((bus) =>
    Effect.sync(() => {
      for (const event of events) Assert.equal(bus.publish(event), undefined)
    }),
  )

const scoped = <E>(run: Effect.Effect<void, E, EventBus | Scope.Scope>): Effect.Effect<void, E, EventBus> => Effect.scoped(run)

/** Without the log: what the adapter reports of a throw on purpose would look like a failure. */
const quietly =
  (run: Effect.Effect<void, unknown, EventBus | Scope.Scope>) =>
  (layer: Layer.Layer<EventBus, unknown>): Effect.Effect<void, unknown> =>
    Effect.provide(scoped(run), Layer.provide(layer, Logger.layer([])))

export const eventBusCases: ReadonlyArray<Case<EventBus>> = [
  {
    id: "bus.own",
    title: "brings a publisher its own events, whole",
    run: scoped(
      Effect.gen(function* () {
        const own = collector()
        yield* subscribe(own)
        const events: ReadonlyArray<BusEvent> = [
          change(1),
          {
            type: "delta",
            tenant: "acme",
            conversation: "room_1",
            delta: { answer: "msg_1", revision: 1, part: 0, offset: 3, text: "😀 \"'\\" },
          },
          { type: "erased", tenant: "acme", conversation: "room_1" },
          { type: "answers" },
        ]
        yield* publish(...events)
        for (const event of events)
          yield* until(`no ${event.type} event came`, () => own.events.some((each) => each.type === event.type))
        for (const event of events) {
          const came = own.events.find((each) => each.type === event.type)
          Assert.deepEqual(came, event)
        }
      }),
    ),
  },
  {
    id: "bus.everybody",
    title: "reaches every listener that follows the conversation",
    run: scoped(
      Effect.gen(function* () {
        const listeners = [collector(), collector(), collector()]
        for (const listener of listeners) yield* subscribe(listener, ["room_1", "room_2"])
        yield* publish(change(1), change(2), change(7, "room_2"))
        for (const { events } of listeners) {
          yield* until("an event is missing", () => changesOf(events).length >= 2 && changesOf(events, "room_2").length >= 1)
          Assert.deepEqual(new Set(changesOf(events)), new Set([1, 2]))
          Assert.deepEqual(new Set(changesOf(events, "room_2")), new Set([7]))
        }
      }),
    ),
  },
  {
    id: "bus.throws",
    title: "keeps the throw of one listener from the publisher and from the other listeners",
    run: quietly(
      Effect.gen(function* () {
        const [first, last] = [collector(), collector()]
        let calls = 0
        const broken: BusListener = {
          onEvent: (event) => {
            if (event.type === "change") calls += 1
            throw new Error("a listener that breaks the contract")
          },
          onGap: () => {},
        }
        yield* subscribe(first)
        yield* subscribe(broken)
        yield* subscribe(last)
        yield* publish(change(1), change(2))
        yield* until("an event did not get past the throw", () =>
          [first, last].every(({ events }) => changesOf(events).includes(2)),
        )
        Assert.deepEqual(changesOf(first.events), changesOf(last.events))
        yield* until("the listener was left out after its first throw", () => calls >= 2)
        Assert.equal(calls, 2, "it is not called twice for an event")
      }),
    ),
  },
  {
    id: "bus.one-at-a-time",
    title: "calls a listener for one event after the other, also when it publishes itself",
    run: scoped(
      Effect.gen(function* () {
        const bus = yield* EventBus
        const seen = collector()
        let depth = 0
        let deepest = 0
        yield* subscribe({
          onEvent: (event) => {
            depth += 1
            deepest = Math.max(deepest, depth)
            seen.onEvent(event)
            if (event.type === "change" && event.change < 5) bus.publish(change(event.change + 1))
            depth -= 1
          },
          onGap: () => {},
        })
        const other = collector()
        yield* subscribe(other)
        yield* publish(change(1))
        yield* until("the chain of events broke", () => changesOf(seen.events).includes(5) && changesOf(other.events).includes(5))
        Assert.deepEqual(new Set(changesOf(seen.events)), new Set([1, 2, 3, 4, 5]))
        Assert.equal(deepest, 1, "an event came in the middle of another one's")
      }),
    ),
  },
  {
    id: "bus.closed",
    title: "gives a listener nothing after its scope closed",
    run: scoped(
      Effect.gen(function* () {
        const [left, stays] = [collector(), collector()]
        const scope = yield* Scope.make()
        yield* Scope.provide(subscribe(left), scope)
        yield* subscribe(stays)
        yield* publish(change(1))
        yield* until("the first event is missing", () => changesOf(left.events).includes(1))
        yield* Scope.close(scope, Exit.void)
        yield* publish(change(2), change(3))
        yield* until("those who stay get the later events", () => changesOf(stays.events).includes(3))
        Assert.deepEqual(changesOf(left.events), [1])
      }),
    ),
  },
  {
    id: "bus.follow-counted",
    title: "keeps following until it was unfollowed as often as followed",
    run: scoped(
      Effect.gen(function* () {
        const listener = collector()
        const subscription = yield* subscribe(listener, ["room_1", "room_1"])
        subscription.unfollow("acme", "room_1")
        yield* publish(change(1))
        yield* until("one unfollow of two ended it", () => changesOf(listener.events).includes(1))
        subscription.unfollow("acme", "room_1")
        subscription.unfollow("acme", "room_1")
        subscription.unfollow("acme", "room_none")
        subscription.follow("acme", "room_1")
        yield* publish(change(2))
        yield* until("too many unfollows outweigh a later follow", () => changesOf(listener.events).includes(2))
      }),
    ),
  },
  {
    id: "bus.same-listener",
    title: "takes one listener for two subscriptions, each with its own end",
    run: scoped(
      Effect.gen(function* () {
        const listener = collector()
        const scope = yield* Scope.make()
        yield* Scope.provide(subscribe(listener), scope)
        yield* subscribe(listener)
        yield* Scope.close(scope, Exit.void)
        yield* publish(change(1))
        yield* until("the end of one subscription ended both", () => changesOf(listener.events).includes(1))
      }),
    ),
  },
]
