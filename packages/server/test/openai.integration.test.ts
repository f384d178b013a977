/** The program with a chain of servers that speak OpenAI's language. */
import { fakeOpenAi, type FakeOpenAi, type FakeReply } from "@parley/testkit"
import { afterEach, describe, expect, it } from "vitest"
import { askIn, openChatClient } from "./chat-client.ts"
import { makeStage } from "./run-main.ts"

const KEY = "sk-CanaryOfTheKey"
const TEXT = "Grüße, 世界 👋 — done."

const stage = makeStage()
const fakes: Array<FakeOpenAi> = []
afterEach(async () => {
  await stage.end()
  for (const fake of fakes.splice(0)) await fake.close()
})

const fakeWith = async (reply: FakeReply): Promise<FakeOpenAi> => {
  const fake = await fakeOpenAi({ reply })
  fakes.push(fake)
  return fake
}

interface Answered {
  readonly parts: ReadonlyArray<{ readonly type: string; readonly text?: string }>
  readonly answer: { readonly state: string; readonly provider?: string; readonly model?: string }
}

/** The end of the answer to a question, and all that the program wrote to its log. */
const ask = async (first: FakeOpenAi, second: FakeOpenAi) => {
  const program = stage.run({
    PARLEY_STORAGE: "memory",
    PARLEY_KNOWLEDGE_PACE: "0",
    LOG_LEVEL: "trace",
    PARLEY_AI: "openai,backup:openai,knowledge",
    OPENAI_API_KEY: KEY,
    OPENAI_MODEL: "large",
    OPENAI_BASE_URL: first.baseUrl,
    OPENAI_LOG: "debug",
    BACKUP_API_KEY: `${KEY}-2`,
    BACKUP_MODEL: "small",
    BACKUP_BASE_URL: second.baseUrl,
  })
  const client = await openChatClient(await program.ready, "dev:ann")
  await askIn(client, "CanaryOfTheQuestion: what is Parley?")
  const frame = await client.next(({ type, item }) => type === "message_updated" && isOver(item as Answered))
  client.close()
  program.kill("SIGTERM")
  await program.exited
  const { parts, answer } = frame["item"] as Answered
  const text = parts.map((part) => (part.type === "text" ? part.text : "")).join("")
  expect(program.stdout() + program.stderr()).not.toContain("Canary")
  return { text, state: answer.state, provider: answer.provider, model: answer.model }
}

const isOver = ({ answer }: Answered): boolean => ["complete", "failed", "interrupted", "blocked"].includes(answer.state)

describe("a chain of two servers and the embedded assistant", () => {
  it("answers with the first", async () => {
    const [first, second] = [await fakeWith({}), await fakeWith({})]
    expect(await ask(first, second)).toEqual({ text: TEXT, state: "complete", provider: "openai", model: "large" })
    expect(first.requests[0]?.headers["authorization"]).toBe(`Bearer ${KEY}`)
    expect(second.requests).toHaveLength(0)
  })

  it("answers with the second, under its own key, when the first quotes the key it refuses", async () => {
    const message = `Incorrect API key provided: ${KEY}`
    const first = await fakeWith({ fault: { type: "status", status: 401, code: "invalid_api_key", message } })
    const second = await fakeWith({})
    expect(await ask(first, second)).toEqual({ text: TEXT, state: "complete", provider: "backup", model: "small" })
    expect(second.requests[0]?.headers["authorization"]).toBe(`Bearer ${KEY}-2`)
    expect(second.requests[0]?.body["model"]).toBe("small")
  })

  it("answers with the embedded assistant when neither can", async () => {
    const [first, second] = [await fakeWith({ fault: { type: "hang_up" } }), await fakeWith({})]
    await second.refuse()
    expect(await ask(first, second)).toMatchObject({ state: "complete", provider: "knowledge" })
  })
})

it("does not start without what an entry needs, and names it", async () => {
  const program = stage.run({ PARLEY_STORAGE: "memory", PARLEY_AI: "openai", OPENAI_API_KEY: KEY })
  expect(await program.exited).toEqual({ code: 2, signal: null })
  expect(program.stderr()).toContain("OPENAI_MODEL is not set")
  expect(program.stderr()).not.toContain("Canary")
})
