/**
 * Fifty answers at a time, each a hundred tokens a second. `raw`: the tokens are taken from the provider and thrown away.
 * `parley`: the engine makes answers of them, each with one subscriber inside the process. The difference is the engine's.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { memory } from "@parley/adapters/memory"
import { type AiEvent, type AiProvider, createChat } from "@parley/core"
import { report } from "./report.ts"

const ANSWERS = 50
const TOKENS = 400
const INTERVAL_MS = 10

const tokens = async function* (): AsyncGenerator<AiEvent> {
  yield { type: "started" }
  const from = performance.now()
  for (let i = 0; i < TOKENS; i++) {
    const wait = from + i * INTERVAL_MS - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    yield { type: "text", text: ` token${i % 10}` }
  }
  yield { type: "finished", reason: "stop" }
}

const provider: AiProvider = {
  name: "paced",
  stream: () => Stream.fromAsyncIterable(tokens(), () => ({ _tag: "AiError", class: "transient", message: "" })),
}

const raw = async (): Promise<void> => {
  await Promise.all(
    Array.from({ length: ANSWERS }, () =>
      Effect.runPromise(
        Stream.runForEach(
          Stream.fromAsyncIterable(tokens(), () => "never" as const),
          () => Effect.void,
        ),
      ),
    ),
  )
}

const chat = await createChat({ storage: memory(), ai: [provider], limits: { maxAnswerLength: 1_000_000 } })
const engine = async (): Promise<void> => {
  const me = chat.as({ userId: "ann" })
  await Promise.all(
    Array.from({ length: ANSWERS }, async () => {
      const { id } = await me.createSession()
      const frames = me.subscribe(id)
      const { answerId } = await me.send(id, "go")
      for await (const frame of frames)
        if (
          "item" in frame &&
          frame.item.id === answerId &&
          frame.item.kind === "message" &&
          frame.item.answer?.state === "complete"
        )
          break
    }),
  )
}

const run = process.argv[2] === "raw" ? raw : engine
report(0, { run })
