/** What is sent, and what of an answer comes through. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { afterEach, describe, expect, it, vi } from "vitest"
import { openaiProvider } from "@parley/adapters/openai"
import { APIS, KEY, listen, makeFakes, providerOf, REQUEST, TEXT } from "./openai-support.ts"

const fakes = makeFakes()
afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await fakes.end()
})

describe("a request", () => {
  it("of Chat Completions holds the conversation, and asks for a stream with usage", async () => {
    const fake = await fakes.start()
    await listen(providerOf(fake, { parameters: { temperature: 0.2, stream: false, model: "other" } }))
    expect(fake.requests[0]?.body).toEqual({
      model: "model-1",
      messages: [
        { role: "system", content: "CanaryOfTheSystem: be brief." },
        { role: "user", content: "CanaryOfTheFirst" },
        { role: "assistant", content: "CanaryOfTheAnswer" },
        { role: "user", content: "CanaryOfTheQuestion" },
      ],
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.2,
    })
    expect(fake.requests[0]?.headers).toMatchObject({ authorization: `Bearer ${KEY}`, "x-client-request-id": "msg_1" })
  })

  it("of Responses holds the conversation, and leaves no copy with the vendor", async () => {
    const fake = await fakes.start()
    await listen(providerOf(fake, { api: "responses", parameters: { store: true } }))
    expect(fake.requests[0]?.body).toEqual({
      model: "model-1",
      instructions: "CanaryOfTheSystem: be brief.",
      input: [
        { role: "user", content: "CanaryOfTheFirst" },
        { role: "assistant", content: "CanaryOfTheAnswer" },
        { role: "user", content: "CanaryOfTheQuestion" },
      ],
      stream: true,
      store: false,
    })
  })

  it.each(APIS)("of %s has no system part when there is none", async (api) => {
    const fake = await fakes.start()
    await listen(providerOf(fake, { api }), { ...REQUEST, system: "" })
    expect(JSON.stringify(fake.requests[0]?.body)).not.toMatch(/system|instructions/u)
  })

  it("goes where the options say and as whom they say, whatever the environment of the SDK says", async () => {
    const fake = await fakes.start()
    const log = ["debug", "info", "log", "warn", "error"].map((name) => vi.spyOn(console, name as "log"))
    vi.stubEnv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    vi.stubEnv("OPENAI_API_KEY", "sk-other")
    vi.stubEnv("OPENAI_ADMIN_KEY", "sk-admin")
    vi.stubEnv("OPENAI_ORG_ID", "org-other")
    vi.stubEnv("OPENAI_PROJECT_ID", "proj-other")
    vi.stubEnv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-other")
    vi.stubEnv("OPENAI_LOG", "debug")
    fake.script({}, { fault: { type: "garbage", after: 1 } })
    const provider = providerOf(fake)
    expect((await listen(provider)).text).toBe(TEXT)
    await listen(provider)
    for (const { headers } of fake.requests) {
      expect(headers["authorization"]).toBe(`Bearer ${KEY}`)
      expect(headers).not.toHaveProperty("openai-organization")
      expect(headers).not.toHaveProperty("openai-project")
    }
    for (const spy of log) expect(spy).not.toHaveBeenCalled()
  })
})

describe.each(APIS)("an answer of %s", (api) => {
  it("comes whole, with what it cost and the model that really answered", async () => {
    const fake = await fakes.start({ reply: { model: "model-1-2026-11-01", extras: true } })
    const { events, text } = await listen(providerOf(fake, { api }))
    expect(text).toBe(TEXT)
    expect(events[0]).toEqual({ type: "started", model: "model-1" })
    expect(events.slice(-2)).toEqual([
      { type: "usage", usage: { inputTokens: 11, outputTokens: 7 } },
      { type: "finished", reason: "stop", model: "model-1-2026-11-01" },
    ])
  })

  it("says nothing about a cost that the server did not count", async () => {
    const fake = await fakes.start()
    fake.script({ usage: "none" }, { usage: { input: 0, output: 0 } }, { usage: { input: 0, output: 5 } })
    const provider = providerOf(fake, { api })
    const usages = async () => (await listen(provider)).events.flatMap((event) => (event.type === "usage" ? [event.usage] : []))
    expect([await usages(), await usages(), await usages()]).toEqual([[], [], [{ outputTokens: 5 }]])
  })

  it("says that it was cut at a limit of the server", async () => {
    const fake = await fakes.start({ reply: { finish: "length" } })
    expect((await listen(providerOf(fake, { api }))).finished).toMatchObject({ reason: "length" })
  })

  it("may be one piece of ten megabytes, or ten of one", async () => {
    const fake = await fakes.start()
    const piece = "0123456789".repeat(100_000)
    fake.script({ deltas: [piece.repeat(10)] }, { deltas: Array.from({ length: 10 }, () => piece) })
    for (const pieces of [1, 10]) {
      const { events, text, finished } = await listen(providerOf(fake, { api }))
      expect([text.length, text === piece.repeat(10), finished?.type]).toEqual([10_000_000, true, "finished"])
      expect(events.filter((event) => event.type === "text")).toHaveLength(pieces)
    }
  })

  it("is whole when events come late that nobody waits for, and not when text follows its marker", async () => {
    const fake = await fakes.start()
    const provider = providerOf(fake, { api })
    fake.script({ fault: { type: "order", order: "start_last" } })
    expect(await listen(provider)).toMatchObject({ text: TEXT, finished: { reason: "stop" } })
    fake.script({ fault: { type: "order", order: "marker_early" } }, { fault: { type: "order", order: "end_first" } })
    expect(await listen(provider)).not.toHaveProperty("finished")
    expect(await listen(provider)).not.toHaveProperty("finished")
  })

  it("is read no faster than it is taken", async () => {
    const deltas = Array.from({ length: 200 }, () => "x".repeat(100_000))
    const fake = await fakes.start({ reply: { deltas } })
    const taken = await Effect.runPromise(Stream.runCollect(Stream.take(providerOf(fake, { api }).stream(REQUEST), 3)))
    expect(taken).toHaveLength(3)
    const request = await fake.request(1)
    expect(await request.closed).toBe("aborted")
    expect(request.written()).toBeLessThan(request.answer.length)
  })
})

it("gives the whole text of a Responses server that sends no pieces", async () => {
  const fake = await fakes.start({ reply: { withoutDeltas: true } })
  expect(await listen(providerOf(fake, { api: "responses" }))).toMatchObject({ text: TEXT, finished: { reason: "stop" } })
})

describe("options that cannot be used", () => {
  it.each([
    [{ apiKey: "" }, /API key/u],
    [{ apiKey: `${KEY}\n` }, /API key/u],
    [{ model: " " }, /model/u],
    [{ baseUrl: "localhost:8080" }, /base URL/u],
    [{ baseUrl: "ftp://models.example.com" }, /base URL/u],
    [{ baseUrl: `https://user:${KEY}@models.example.com` }, /base URL/u],
    [{ timeoutMs: 0 }, /time-out/u],
    [{ name: "two words" }, /name/u],
    [{ api: "assistants" as "chat" }, /"chat" or "responses"/u],
  ])("are refused where they are given, without the key: %o", (options, message) => {
    const make = () => openaiProvider({ apiKey: KEY, model: "model-1", ...options })
    expect(make).toThrow(message)
    expect(make).not.toThrow(/Canary/u)
  })
})
