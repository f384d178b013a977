/** A provider that says what a test tells it to, when it tells it to. Every call is handed to the test, which speaks for it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import {
  type AiError,
  aiError,
  type AiErrorClass,
  type AiEvent,
  type AiProvider,
  type AiRequest,
} from "../../src/ports/ai-provider.ts"

export interface AiCall {
  readonly request: AiRequest
  readonly emit: (...events: ReadonlyArray<AiEvent>) => void
  readonly text: (text: string) => void
  readonly finish: (reason?: "stop" | "length") => void
  /** The stream ends, without a terminal marker of its own. */
  readonly cut: () => void
  readonly fail: (errorClass: AiErrorClass) => void
  /** The engine let go of the stream. */
  readonly released: () => boolean
}

export const scriptedAi = (name: string, onCall: (call: AiCall) => void): AiProvider => ({
  name,
  stream: (request) =>
    Stream.callback<AiEvent, AiError>(
      (queue) =>
        Effect.gen(function* () {
          let released = false
          yield* Effect.addFinalizer(() => Effect.sync(() => void (released = true)))
          const emit: AiCall["emit"] = (...events) => void Queue.offerAllUnsafe(queue, events)
          onCall({
            request,
            emit,
            text: (text) => emit({ type: "text", text }),
            finish: (reason = "stop") => emit({ type: "finished", reason }),
            cut: () => void Queue.endUnsafe(queue),
            fail: (errorClass) => void Queue.failCauseUnsafe(queue, Cause.fail(aiError(errorClass, "as scripted"))),
            released: () => released,
          })
        }),
      { bufferSize: 10_000, strategy: "dropping" },
    ),
})

/** Answers every question at once, in pieces. */
export const quickAi = (name = "quick", pieces: ReadonlyArray<string> = ["one ", "two"]): AiProvider =>
  scriptedAi(name, (call) => {
    call.emit({ type: "started" })
    for (const piece of pieces) call.text(piece)
    call.finish()
  })
