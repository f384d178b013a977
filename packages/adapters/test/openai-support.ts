/** One request to a fake server, and everything that came of it. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { AiError, AiEvent, AiProvider, AiRequest } from "@parley/core"
import { openaiProvider, type OpenAiOptions } from "@parley/adapters/openai"
import { type FakeApi, type FakeOpenAi, fakeOpenAi, type FakeOpenAiOptions } from "@parley/testkit"

export const APIS: ReadonlyArray<FakeApi> = ["chat", "responses"]
export const KEY = "sk-CanaryOfTheKey"
export const TEXT = "Grüße, 世界 👋 — done."

export const REQUEST: AiRequest = {
  system: "CanaryOfTheSystem: be brief.",
  messages: [
    { role: "user", text: "CanaryOfTheFirst" },
    { role: "assistant", text: "CanaryOfTheAnswer" },
    { role: "user", text: "CanaryOfTheQuestion" },
  ],
  requestId: "msg_1",
}

export const providerOf = (fake: FakeOpenAi, options: Partial<OpenAiOptions> = {}): AiProvider =>
  openaiProvider({ apiKey: KEY, baseUrl: fake.baseUrl, model: "model-1", ...options })

export interface Heard {
  readonly events: ReadonlyArray<AiEvent>
  /** Absent when the stream just ended. */
  readonly error?: AiError
  readonly text: string
  readonly finished?: AiEvent
}

export const listen = async (provider: AiProvider, request: AiRequest = REQUEST): Promise<Heard> => {
  const events: Array<AiEvent> = []
  const run = Stream.runForEach(provider.stream(request), (event) => Effect.sync(() => void events.push(event)))
  const failed = await Effect.runPromise(Effect.match(run, { onFailure: (error: AiError) => ({ error }), onSuccess: () => ({}) }))
  const text = events.map((event) => (event.type === "text" ? event.text : "")).join("")
  const finished = events.find((event) => event.type === "finished")
  return { events, text, ...failed, ...(finished === undefined ? {} : { finished }) }
}

/** Fake servers that are closed when the test is over; `end` goes into `afterEach`. */
export const makeFakes = () => {
  const open: Array<FakeOpenAi> = []
  return {
    start: async (options?: FakeOpenAiOptions): Promise<FakeOpenAi> => {
      const fake = await fakeOpenAi(options)
      open.push(fake)
      return fake
    },
    end: async (): Promise<void> => {
      for (const fake of open.splice(0)) await fake.close()
    },
  }
}
