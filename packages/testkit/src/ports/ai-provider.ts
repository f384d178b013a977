/**
 * AiProvider: the form of a stream, and that nobody generates for a reader who left. What a provider's wire format
 * demands beyond that (its error classes, its ways to be cut) stands in the adapter's own tests.
 */
import * as Assert from "node:assert/strict"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { AI_ERROR_CLASSES, type AiError, type AiEvent, type AiProvider, type AiRequest } from "@parley/core"
import type { Case } from "../conformance/case.ts"

/** The provider under test, in the situations that the suite needs. A name beside `answers` is a capability of the subject. */
export interface AiScenariosShape {
  /** Answers `request` with the same text each time, and finishes. */
  readonly answers: AiProvider
  readonly request: AiRequest
  /**
   * `endless`: starts, and then sends text slowly or not at all, without an end. `active` counts the calls that are still
   * held open: connections, timers, workers.
   */
  readonly endless?: { readonly provider: AiProvider; readonly active: () => number }
  /** `fails`: refuses the call before any text. */
  readonly fails?: AiProvider
  /** `cut`: sends text and is then cut off without its terminal marker. */
  readonly cut?: AiProvider
}

export class AiScenarios extends Context.Service<AiScenarios, AiScenariosShape>()("parley/testkit/AiScenarios") {}

export type AiProviderCapability = "endless" | "fails" | "cut"

const scenario = <Name extends AiProviderCapability>(
  name: Name,
): Effect.Effect<NonNullable<AiScenariosShape[Name]>, never, AiScenarios> =>
  AiScenarios.use((scenarios) =>
    scenarios[name] === undefined
      ? Effect.die(new Error(`the subject declares "${name}" and gives no such scenario`))
      : Effect.succeed(scenarios[name]),
  )

const collect = (provider: AiProvider, request: AiRequest): Effect.Effect<ReadonlyArray<AiEvent>, AiError> =>
  Stream.runCollect(provider.stream(request))

/** The part of a stream that was seen, and the error that ended it. */
const collectUntilError = (provider: AiProvider, request: AiRequest) =>
  Effect.gen(function* () {
    const events: Array<AiEvent> = []
    const run = Stream.runForEach(provider.stream(request), (event) => Effect.sync(() => void events.push(event)))
    const error = yield* Effect.match(run, { onFailure: (failure: AiError) => failure, onSuccess: () => undefined })
    return { events, error }
  })

const textOf = (events: ReadonlyArray<AiEvent>): string =>
  events.map((event) => (event.type === "text" ? event.text : "")).join("")

const checkError = (error: AiError): void => {
  Assert.equal(error._tag, "AiError")
  Assert.ok(AI_ERROR_CLASSES.includes(error.class), `${String(error.class)} is no class of the contract`)
  Assert.equal(typeof error.message, "string")
}

const until = (what: string, holds: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let tries = 0; !holds(); tries++) {
      Assert.ok(tries < 1_000, `5 s have passed: ${what}`)
      yield* Effect.sleep(5)
    }
  })

export const aiProviderCases: ReadonlyArray<Case<AiScenarios, AiProviderCapability>> = [
  {
    id: "ai.form",
    title: "starts, sends text, and finishes once, last",
    run: Effect.gen(function* () {
      const { answers, request } = yield* AiScenarios
      const events = yield* collect(answers, request)
      Assert.equal(events[0]?.type, "started")
      Assert.equal(events.filter((event) => event.type === "started").length, 1)
      Assert.equal(events.at(-1)?.type, "finished")
      Assert.equal(events.filter((event) => event.type === "finished").length, 1)
      Assert.ok(textOf(events).length > 0, "the answer has no text")
    }),
  },
  {
    id: "ai.name",
    title: "has a short name for answers and logs",
    run: Effect.gen(function* () {
      const { answers } = yield* AiScenarios
      Assert.match(answers.name, /^\S{1,40}$/u)
    }),
  },
  {
    id: "ai.cold",
    title: "is called when its stream runs, each time anew",
    run: Effect.gen(function* () {
      const { answers, request } = yield* AiScenarios
      const stream = answers.stream(request)
      const first = yield* Stream.runCollect(stream)
      const second = yield* Stream.runCollect(stream)
      for (const events of [first, second]) Assert.equal(events.at(-1)?.type, "finished")
    }),
  },
  {
    id: "ai.concurrent",
    title: "keeps streams that run at the same time apart",
    run: Effect.gen(function* () {
      const { answers, request } = yield* AiScenarios
      const requests = [1, 2, 3, 4].map((n) => ({ ...request, requestId: `${request.requestId}-${n}` }))
      const alone = yield* collect(answers, request)
      const together = yield* Effect.forEach(requests, (each) => collect(answers, each), { concurrency: "unbounded" })
      for (const events of together) {
        Assert.equal(events.filter((event) => event.type === "finished").length, 1)
        Assert.equal(events[0]?.type, "started")
        Assert.equal(textOf(events), textOf(alone))
      }
    }),
  },
  {
    id: "ai.early-end",
    title: "ends with a reader who has enough",
    run: Effect.gen(function* () {
      const { answers, request } = yield* AiScenarios
      const events = yield* Stream.runCollect(Stream.take(answers.stream(request), 1))
      Assert.deepEqual(
        events.map((event) => event.type),
        ["started"],
      )
    }),
  },
  {
    id: "ai.interrupted",
    title: "stops and frees what it holds when its stream is interrupted",
    needs: ["endless"],
    run: Effect.gen(function* () {
      const { request } = yield* AiScenarios
      const { provider, active } = yield* scenario("endless")
      const started = yield* Deferred.make<void>()
      let late = 0
      let over = false
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(provider.stream(request), (event) => {
          if (over) late += 1
          return event.type === "started" ? Deferred.succeed(started, undefined) : Effect.void
        }),
      )
      // A provider that ends or fails here would leave nobody to succeed the deferred.
      yield* Effect.raceFirst(Deferred.await(started), Fiber.join(fiber))
      Assert.equal(active(), 1)
      yield* Fiber.interrupt(fiber).pipe(
        Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.die(new Error("the stream holds on for a second")) }),
      )
      over = true
      yield* until("the call is still held open", () => active() === 0)
      Assert.equal(late, 0, "an event came after the interruption")
    }),
  },
  {
    id: "ai.interrupted-alone",
    title: "goes on with one stream when another is interrupted",
    needs: ["endless"],
    run: Effect.gen(function* () {
      const { request } = yield* AiScenarios
      const { provider, active } = yield* scenario("endless")
      const run = (fiberStarted: Deferred.Deferred<void>) =>
        Effect.forkChild(
          Stream.runForEach(provider.stream(request), (event) =>
            event.type === "started" ? Deferred.succeed(fiberStarted, undefined) : Effect.void,
          ),
        )
      const [firstStarted, secondStarted] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const first = yield* run(firstStarted)
      const second = yield* run(secondStarted)
      yield* Effect.raceFirst(Deferred.await(firstStarted), Fiber.join(first))
      yield* Effect.raceFirst(Deferred.await(secondStarted), Fiber.join(second))
      Assert.equal(active(), 2)
      yield* Fiber.interrupt(first)
      yield* until("the interrupted call is still held open", () => active() === 1)
      Assert.equal(second.pollUnsafe(), undefined, "the other stream ended too")
      yield* Fiber.interrupt(second)
      yield* until("the second call is still held open", () => active() === 0)
    }),
  },
  {
    id: "ai.fails",
    title: "fails with a class of the contract, once, and without a terminal marker",
    needs: ["fails"],
    run: Effect.gen(function* () {
      const { request } = yield* AiScenarios
      const { events, error } = yield* collectUntilError(yield* scenario("fails"), request)
      Assert.notEqual(error, undefined, "the stream ended as if nothing had happened")
      checkError(error as AiError)
      Assert.equal(textOf(events), "")
      Assert.ok(!events.some((event) => event.type === "finished"))
    }),
  },
  {
    id: "ai.cut",
    title: "shows no terminal marker when it was cut after its first text",
    needs: ["cut"],
    run: Effect.gen(function* () {
      const { request } = yield* AiScenarios
      const { events, error } = yield* collectUntilError(yield* scenario("cut"), request)
      Assert.ok(textOf(events).length > 0, "the scenario sent no text")
      Assert.ok(!events.some((event) => event.type === "finished"), "a cut answer counts as complete")
      if (error !== undefined) checkError(error)
    }),
  },
]
