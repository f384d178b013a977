/**
 * One call of one provider: its events become text, its end is judged by whichever comes first: the stream, a timer, a stop, the loss of the lease.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Usage } from "../../domain/answer.ts"
import type { SourcePart } from "../../domain/item.ts"
import type { Timing } from "../../policy/limits.ts"
import type { AiError, AiEvent, AiProvider, AiRequest } from "../../ports/ai-provider.ts"
import { repairText } from "../../protocol/text-rule.ts"
import type { AnswerText } from "./answer-text.ts"
import { type AttemptEnd, expiredTimer } from "./judge.ts"

export interface Heard {
  model: string | undefined
  usage: Usage | undefined
  readonly sources: Array<SourcePart>
}

export interface AttemptInput {
  readonly provider: AiProvider
  readonly request: AiRequest
  readonly timing: Timing
  /** When the first attempt of this answer began. */
  readonly begun: number
  readonly text: AnswerText
  /** Shows what is new. Called for the first words at once, then once per tick. */
  readonly emit: () => void
  /** Once per tick: keeps the lease and stores the text. */
  readonly keep: Effect.Effect<"held" | "stopping" | "lost">
  /** Done from outside: a stop, or the end of the conversation. */
  readonly signal: Deferred.Deferred<"stopped" | "lost">
}

export const runAttempt = (input: AttemptInput): Effect.Effect<{ readonly end: AttemptEnd; readonly heard: Heard }> =>
  Effect.gen(function* () {
    const { provider, text, timing } = input
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const heard: Heard = { model: undefined, usage: undefined, sources: [] }
    const verdict = Deferred.makeUnsafe<AttemptEnd>()
    const attempt = now()
    let started: number | undefined
    let lastText: number | undefined
    /** Whatever a provider still says after the verdict is nobody's business. */
    let over = false

    const decide = (end: AttemptEnd): void => {
      over = true
      Deferred.doneUnsafe(verdict, Effect.succeed(end))
    }

    const hear = (event: AiEvent): void => {
      if (over) return
      started ??= now()
      switch (event.type) {
        case "started":
          heard.model = event.model ?? heard.model
          return
        case "text": {
          if (event.text === "") return
          const first = lastText === undefined
          lastText = now()
          const full = text.append(event.text)
          if (first) input.emit()
          if (full) decide({ type: "finished", reason: "length" })
          return
        }
        case "source":
          heard.sources.push({ ...event.source, title: repairText(event.source.title), uri: repairText(event.source.uri) })
          return
        case "usage":
          heard.usage = event.usage
          return
        case "finished":
          heard.model = event.model ?? heard.model
          return decide({ type: "finished", reason: event.reason })
      }
    }

    const consume = Effect.onExit(
      // Suspended, so that a provider that throws already here fails like one that throws later.
      Effect.suspend(() => Stream.runForEach(provider.stream(input.request), (event) => Effect.sync(() => hear(event)))),
      (exit) => Effect.sync(() => over || decide(endOf(exit))),
    )
    const watch = Effect.gen(function* () {
      while (!over) {
        yield* Effect.sleep(timing.deltaInterval)
        if (over) return
        input.emit()
        const lease = yield* input.keep
        if (over) return
        if (lease !== "held") return decide({ type: lease === "lost" ? "lost" : "stopped" })
        const timer = expiredTimer({ now: now(), begun: input.begun, attempt, started, lastText }, timing)
        if (timer !== undefined) return decide({ type: "timeout", timer })
      }
    })
    const stop = Effect.map(Deferred.await(input.signal), (why) => over || decide({ type: why }))

    const fibers = yield* Effect.forEach([consume, watch, stop], (task) =>
      Effect.forkDetach(Effect.exit(task), { startImmediately: true }),
    )
    const interruptAll = Effect.forEach(fibers, (fiber) => Effect.forkDetach(Fiber.interrupt(fiber)), { discard: true })
    // Not awaited: a provider that is slow to let go must not hold up the ending.
    const end = yield* Effect.onExit(Deferred.await(verdict), () => {
      over = true
      return interruptAll
    })
    return { end, heard }
  })

const endOf = (exit: Exit.Exit<void, AiError>): AttemptEnd => {
  if (Exit.isSuccess(exit)) return { type: "cut" }
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) return { type: "error", class: failure.error.class, message: failure.error.message }
  // A provider that throws where it should fail is at fault itself; another one may do better.
  return { type: "error", class: "transient", message: Cause.pretty(exit.cause) }
}
