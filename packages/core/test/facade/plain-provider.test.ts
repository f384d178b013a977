import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { aiProviderCases, AiScenarios } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"
import { describe, expect, it } from "vitest"
import { memory } from "@parley/adapters/memory"
import { createChat } from "../../src/facade/create-chat.ts"
import { type PlainAiProvider, plainProvider } from "../../src/facade/plain-provider.ts"
import { AI_ERROR_CLASSES, type AiEvent, type AiRequest } from "../../src/ports/ai-provider.ts"
import { quickAi } from "../support/scripted-ai.ts"

const request: AiRequest = { system: "", messages: [{ role: "user", text: "hello" }], requestId: "r-1" }

const answers: PlainAiProvider = {
  name: "plain",
  async *stream({ messages }) {
    yield { type: "started" }
    yield { type: "text", text: `You said ${messages.at(-1)?.text}` }
    yield { type: "finished", reason: "stop" }
  },
}

const throwing = (thrown: unknown, first: ReadonlyArray<AiEvent> = []): PlainAiProvider => ({
  name: "throwing",
  async *stream() {
    yield* first
    throw thrown
  },
})

/** Starts, and waits for its signal alone. */
const endless = () => {
  let active = 0
  const provider: PlainAiProvider = {
    name: "endless",
    async *stream(_request, { signal }) {
      active += 1
      try {
        yield { type: "started" }
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))))
      } finally {
        active -= 1
      }
    },
  }
  return { provider: plainProvider(provider), active: () => active }
}

conformance(
  "AiProvider",
  aiProviderCases,
)({
  name: "an async generator",
  can: { endless: true, fails: true, cut: true },
  layer: () =>
    Layer.sync(AiScenarios, () => ({
      answers: plainProvider(answers),
      request,
      endless: endless(),
      fails: plainProvider(throwing(new Error("refused"))),
      cut: plainProvider({
        name: "cut",
        async *stream() {
          yield { type: "text", text: "half a" }
        },
      }),
    })),
})

const collect = (provider: PlainAiProvider) => Effect.runPromise(Stream.runCollect(plainProvider(provider).stream(request)))
const failureOf = (provider: PlainAiProvider) =>
  Effect.runPromise(Effect.flip(Stream.runDrain(plainProvider(provider).stream(request))))

describe("a plain provider", () => {
  it("fails by the class of what it throws, with its hint", async () => {
    for (const name of AI_ERROR_CLASSES) {
      const thrown = Object.assign(new Error("as told"), { class: name, retryAfterMs: 7 })
      expect(await failureOf(throwing(thrown))).toEqual({
        _tag: "AiError",
        class: name,
        message: "as told",
        retryAfterMs: 7,
        cause: thrown,
      })
    }
  })

  it("fails as transient when what it throws has no class of the contract", async () => {
    for (const thrown of [
      new Error("x"),
      Object.assign(new Error("x"), { class: "toString" }),
      "x",
      null,
      undefined,
      { class: 3 },
    ])
      expect((await failureOf(throwing(thrown))).class).toBe("transient")
  })

  it("fails when it throws as it is called, and when what it returns or yields is none of it", async () => {
    const called = {
      name: "called",
      stream: () => {
        throw Object.assign(new Error("no key"), { class: "unusable" })
      },
    }
    expect(await failureOf(called)).toMatchObject({ class: "unusable", message: "no key" })
    expect((await failureOf({ name: "x", stream: () => [] as never })).class).toBe("transient")
    for (const odd of ["hello", undefined, null, { type: "text" }, { type: "delta", text: "x" }])
      expect(
        (
          await failureOf({
            name: "odd",
            stream: async function* () {
              yield odd as never
            },
          })
        ).class,
      ).toBe("transient")
  })

  it("aborts the signal and then returns the iterator, once, when it is interrupted", async () => {
    const log: Array<string> = []
    const asked = Deferred.makeUnsafe<void>()
    const provider: PlainAiProvider = {
      name: "by hand",
      stream: (_request, { signal }) => {
        signal.addEventListener("abort", () => log.push("abort"))
        return {
          [Symbol.asyncIterator]: () => ({
            next: () => {
              log.push("next")
              Deferred.doneUnsafe(asked, Effect.void)
              // Deaf to its signal: the interruption must not wait for it.
              return new Promise(() => {})
            },
            return: () => {
              log.push("return")
              return Promise.reject(new Error("cannot even let go"))
            },
          }),
        }
      },
    }
    await Effect.runPromise(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Stream.runDrain(plainProvider(provider).stream(request)))
        yield* Deferred.await(asked)
        yield* Fiber.interrupt(fiber)
      }),
    )
    expect(log).toEqual(["next", "abort", "return"])
  })

  it("is neither aborted nor returned when it ended or threw by itself", async () => {
    const log: Array<string> = []
    const watched = (provider: PlainAiProvider): PlainAiProvider => ({
      name: "watched",
      stream: (asked, { signal }) => {
        signal.addEventListener("abort", () => log.push("abort"))
        const iterator = provider.stream(asked, { signal })[Symbol.asyncIterator]()
        return {
          [Symbol.asyncIterator]: () => ({
            next: () => iterator.next(),
            return: async () => {
              log.push("return")
              return { done: true, value: undefined }
            },
          }),
        }
      },
    })
    expect((await collect(watched(answers))).map((event) => event.type)).toEqual(["started", "text", "finished"])
    await failureOf(watched(throwing(new Error("x"))))
    expect(log).toEqual([])
  })

  it("stands beside providers of Effect in one chain", async () => {
    const chat = await createChat({
      storage: memory(),
      ai: [throwing(Object.assign(new Error("no key"), { class: "unusable" })), quickAi("second", ["from the second"])],
      log: () => {},
    })
    const me = chat.as({ userId: "ann" })
    const { id } = await me.createSession()
    const { answerId } = await me.send(id, "hello")
    for await (const frame of me.subscribe(id)) {
      const items = frame.type === "changes" ? frame.items : "item" in frame ? [frame.item] : []
      const answer = items.find((item) => item.id === answerId)
      if (answer?.kind !== "message" || answer.answer?.state !== "complete") continue
      expect(answer.parts).toEqual([{ type: "text", text: "from the second" }])
      expect(answer.answer.attempts?.map(({ provider, outcome }) => [provider, outcome])).toEqual([
        ["throwing", "unusable"],
        ["second", "complete"],
      ])
      break
    }
    await chat.close()
  })
})
