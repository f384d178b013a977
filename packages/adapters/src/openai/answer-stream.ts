/**
 * From a server's events to those of the port, one pull at a time: nothing is read ahead of whoever listens, and whoever stops listening
 * ends the request.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { AiError, AiEvent } from "@parley/core"
import type { Failure } from "./classify.ts"
import type { Reading } from "./reading.ts"

export interface Call {
  /** The model that is asked for. */
  readonly model: string
  /** Resolves when the server has accepted the request. */
  readonly open: (signal: AbortSignal) => Promise<AsyncIterator<unknown>>
  readonly read: (event: unknown) => Reading
  readonly errorOfThrown: (thrown: unknown, shownText: boolean) => AiError
  readonly errorOf: (failure: Failure, shownText: boolean) => AiError
}

/**
 * How long the end of the stream is waited for after the terminal marker. The usage may follow it, and so may a failure; a server that
 * keeps the stream open must not make a whole answer an interrupted one.
 */
const TRAILER_MS = 1_000
const END: IteratorResult<unknown> = { done: true, value: undefined }

type Events = readonly [AiEvent, ...Array<AiEvent>]
type Pulled = Effect.Effect<Events, AiError | Cause.Done<void>>

export const answerStream = (call: Call): Stream.Stream<AiEvent, AiError> =>
  Stream.unwrap(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => new AbortController()),
        (controller) => Effect.sync(() => controller.abort()),
      ),
      ({ signal }) => Stream.fromPull(Effect.sync(() => pullOf(call, signal))),
    ),
  )

const pullOf = (call: Call, signal: AbortSignal): Pulled => {
  let events: AsyncIterator<unknown> | undefined
  let shownText = false
  let answeredBy: string | undefined
  let finish: "stop" | "length" | undefined
  /** Text came after the server's marker, so its marker marks nothing, and only the end of its stream is the end. */
  let marksTooEarly = false
  let over: Pulled | undefined

  const failed = (thrown: unknown): AiError => call.errorOfThrown(thrown, shownText)

  const begin: Pulled = Effect.map(Effect.tryPromise({ try: () => call.open(signal), catch: failed }), (iterator) => {
    events = iterator
    // Accepted for this model; the terminal marker names the one that really answered.
    return [{ type: "started", model: call.model }]
  })

  const hear = (reading: Reading): ReadonlyArray<AiEvent> => {
    const heard: Array<AiEvent> = []
    answeredBy = reading.model ?? answeredBy
    const text = reading.text ?? (shownText ? undefined : reading.whole)
    if (text !== undefined) {
      marksTooEarly ||= finish !== undefined
      finish = undefined
      shownText = true
      heard.push({ type: "text", text })
    }
    if (reading.usage !== undefined) heard.push({ type: "usage", usage: reading.usage })
    finish = reading.finish ?? finish
    if (reading.failure !== undefined) over = Effect.fail(call.errorOf(reading.failure, shownText))
    return heard
  }

  const end = (): Pulled => {
    over = Cause.done()
    if (finish === undefined) return over
    return Effect.succeed([
      { type: "finished", reason: finish, ...(answeredBy === undefined ? {} : { model: answeredBy }) },
    ] satisfies Events)
  }

  const next = Effect.tryPromise({ try: () => (events as AsyncIterator<unknown>).next(), catch: failed })
  const trailer = Effect.timeoutOrElse(next, { duration: TRAILER_MS, orElse: () => Effect.succeed(END) })

  const pull: Pulled = Effect.suspend(() => {
    if (over !== undefined) return over
    if (events === undefined) return begin
    const whole = finish !== undefined && !marksTooEarly
    return Effect.matchEffect(whole ? trailer : next, {
      // A connection that breaks after the marker takes nothing away. What the server itself then says against the answer counts.
      onFailure: (error): Pulled => (whole && ["interrupted", "transient"].includes(error.class) ? end() : Effect.fail(error)),
      onSuccess: ({ done, value }): Pulled => {
        if (done === true) return end()
        const [first, ...more] = hear(call.read(value))
        return first === undefined ? pull : Effect.succeed([first, ...more])
      },
    })
  })
  return pull
}
