import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import {
  type ChatError,
  chatOf,
  DEFAULT_TENANT,
  isTerminal,
  noTokens,
  Parley,
  type Principal,
  type StorageError,
} from "@parley/core"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { memory } from "@parley/adapters/memory"

const ChatLive = Parley.layer({ ai: [knowledgeAssistant({ paceMs: 0 })] }).pipe(Layer.provide([memory(), noTokens]))

const ann: Principal = { tenant: DEFAULT_TENANT, userId: "ann", roles: [] }
const ben: Principal = { ...ann, userId: "ben" }

const ask = (text: string): Effect.Effect<string, ChatError | StorageError, Parley> =>
  Effect.gen(function* () {
    const { engine } = yield* Parley
    const { conversationId } = yield* engine.createSession(ann, { name: "from Effect" })
    yield* engine.sendMessage(ann, { conversationId, text, clientMessageId: "question-1" })
    const me = (yield* chatOf).as(ann)
    // The frames that a remote client would get, until one carries the answer in its last state.
    yield* Stream.fromAsyncIterable(me.subscribe(conversationId), (error) => error).pipe(
      Stream.takeUntil((frame) => {
        const items = frame.type === "changes" ? frame.items : "item" in frame ? [frame.item] : []
        return items.some((item) => item.kind === "message" && isTerminal(item.answer?.state ?? "pending"))
      }),
      Stream.runDrain,
      Effect.orDie,
    )
    const { messages } = yield* engine.getHistory(ann, { conversationId })
    yield* Console.log(`${messages.length} messages`)
    return conversationId
  })

const program = Effect.gen(function* () {
  const { engine } = yield* Parley
  const conversationId = yield* ask("What is Parley?")
  const seen = yield* engine.getHistory(ben, { conversationId }).pipe(
    Effect.as("ben reads it"),
    // What is caught leaves the type: only the store can fail from here on.
    Effect.catchTag("ChatError", ({ code }) => Effect.succeed(`ben: ${code}`)),
  )
  yield* Console.log(seen)
})

await Effect.runPromise(Effect.provide(program, ChatLive))
