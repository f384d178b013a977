/**
 * Looks for answers without an owner, claims what this process can carry, and generates them. Any number of processes may look:
 * the claim lets one win. New answers and orphans of a dead process are found in the same way.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type { AnswerRef } from "../../ports/answer-leases.ts"
import type { BusEvent } from "../../ports/event-bus.ts"
import type { EngineError } from "../environment.ts"
import { type AnswerEnvironment, generate } from "./generate.ts"

export interface AnswerRunner {
  /** Takes no new answer, lets the running ones end, and passes on what has not ended after `ms`. */
  readonly drain: (ms: number) => Effect.Effect<void>
  readonly running: () => number
}

interface Running {
  readonly fiber: Fiber.Fiber<void>
  readonly signal: Deferred.Deferred<"stopped" | "lost">
}

export const makeAnswerRunner = (env: AnswerEnvironment): Effect.Effect<AnswerRunner, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const running = new Map<string, Running>()
    /** Capacity one, newest wins: many hints are one look. */
    const hints = yield* Queue.sliding<void>(1)
    let draining = false
    const keyOf = (ref: AnswerRef): string => `${ref.tenant}\n${ref.conversation}\n${ref.answer}`

    const onEvent = (event: BusEvent): void => {
      if (event.type === "answers") return void Queue.offerUnsafe(hints, undefined)
      if (event.type === "change" && event.item?.kind === "message" && event.item.answer?.state === "stopping")
        return signal(keyOf({ tenant: event.tenant, conversation: event.conversation, answer: event.item.id }), "stopped")
      if (event.type === "erased")
        for (const key of running.keys()) if (key.startsWith(`${event.tenant}\n${event.conversation}\n`)) signal(key, "lost")
    }
    const signal = (key: string, why: "stopped" | "lost"): void => {
      const task = running.get(key)
      if (task !== undefined) Deferred.doneUnsafe(task.signal, Effect.succeed(why))
    }
    const subscription = yield* env.bus.subscribe({ onEvent, onGap: () => void Queue.offerUnsafe(hints, undefined) })

    const own = (ref: AnswerRef): Effect.Effect<void, EngineError> =>
      Effect.flatMap(env.leases.claim(ref, env.timing.lease), (claim) => {
        if (claim === undefined || draining) return claim === undefined ? Effect.void : env.leases.release(ref, claim.fence)
        const key = keyOf(ref)
        const stop = Deferred.makeUnsafe<"stopped" | "lost">()
        // Followed before the answer is read: a stop that comes between would reach nobody until the next renewal.
        subscription.follow(ref.tenant, ref.conversation)
        const task = generate(env, ref, claim, stop).pipe(
          // What fails here is found again when the lease has run out.
          Effect.catchCause((cause) => Effect.logError("an answer could not be generated", { answer: ref.answer }, cause)),
          Effect.ensuring(
            Effect.sync(() => {
              running.delete(key)
              subscription.unfollow(ref.tenant, ref.conversation)
              Queue.offerUnsafe(hints, undefined)
            }),
          ),
        )
        return Effect.flatMap(Effect.forkIn(task, scope), (fiber) =>
          Effect.sync(() => {
            if (fiber.pollUnsafe() === undefined) running.set(key, { fiber, signal: stop })
          }),
        )
      })

    const look = Effect.gen(function* () {
      const room = env.limits.maxAnswers - running.size
      if (room <= 0 || draining) return
      const refs = yield* env.leases.expired(room)
      yield* Effect.forEach(
        refs.filter((ref) => !running.has(keyOf(ref))),
        own,
        { concurrency: "unbounded", discard: true },
      )
    })
    yield* Effect.forkIn(
      Effect.forever(
        Effect.andThen(
          Effect.catchCause(look, (cause) => Effect.logError("open answers could not be looked for", cause)),
          Effect.timeoutOption(Queue.take(hints), env.timing.takeoverPoll),
        ),
      ),
      scope,
    )

    return {
      running: () => running.size,
      drain: (ms) =>
        Effect.gen(function* () {
          draining = true
          const fibers = [...running.values()].map(({ fiber }) => fiber)
          yield* Effect.timeoutOption(Effect.forEach(fibers, Fiber.await, { discard: true }), ms)
          yield* Effect.forEach([...running.values()], ({ fiber }) => Fiber.interrupt(fiber), {
            concurrency: "unbounded",
            discard: true,
          })
        }),
    }
  })
