/** A chat whose assistant is a server that fails in every way the fake one knows: how each answer ends, and what is left open then. */
import { afterEach, beforeAll, describe, expect, it } from "vitest"
import { type AiProvider, type Chat, createChat, isTerminal, type LogEntry, type Message, type Timing } from "@parley/core"
import { memory } from "@parley/adapters/memory"
import type { FakeReply } from "@parley/testkit"
import { FAULTS } from "./openai-faults.ts"
import { APIS, KEY, makeFakes, providerOf, TEXT } from "./openai-support.ts"

const PATIENT: Partial<Timing> = { deltaInterval: 5, takeoverPoll: 20 }
/** The timer that is to run out is short, and the others are not, however busy the machine. */
const IMPATIENT: { readonly [outcome: string]: Partial<Timing> } = {
  timeout_connect: { aiConnectTimeout: 200 },
  timeout_first_token: { aiFirstTokenTimeout: 200 },
  timeout_idle: { aiIdleTimeout: 200 },
  timeout_total: { aiTotalTimeout: 1_000 },
}

// Loaded at the first request, which one of the short timers would count.
beforeAll(() => import("openai"))

const fakes = makeFakes()
const chats: Array<Chat> = []
afterEach(async () => {
  for (const chat of chats.splice(0)) await chat.close()
  await fakes.end()
})

const open = async (ai: ReadonlyArray<AiProvider>, timing: Partial<Timing> = {}, log: (entry: LogEntry) => void = () => {}) => {
  const chat = await createChat({ storage: memory(), ai, timing: { ...PATIENT, ...timing }, log, logLevel: "Trace" })
  chats.push(chat)
  const me = chat.as({ userId: "ann" })
  const { id } = await me.createSession()
  return { me, id }
}

type Opened = Awaited<ReturnType<typeof open>>

/** The first message that `holds`, as a subscriber sees it. */
const until = async ({ me, id }: Opened, holds: (message: Message) => boolean): Promise<Message> => {
  for await (const frame of me.subscribe(id)) {
    const items = frame.type === "changes" ? frame.items : "item" in frame ? [frame.item] : []
    for (const item of items) if (item.kind === "message" && holds(item)) return item
  }
  throw new Error("the subscription ended")
}

const textOf = ({ parts }: Message): string => parts.map((part) => (part.type === "text" ? part.text : "")).join("")

const ask = async (opened: Opened, text = "CanaryOfTheQuestion") => {
  const { answerId } = await opened.me.send(opened.id, text)
  const message = await until(opened, ({ id, answer }) => id === answerId && isTerminal(answer?.state ?? "pending"))
  const { answer } = message
  return {
    state: answer?.state,
    finish: answer?.finish,
    code: answer?.error?.code,
    outcomes: answer?.attempts?.map(({ outcome }) => outcome),
    text: textOf(message),
    answer,
  }
}

describe.each(APIS)("an assistant over %s", (api) => {
  it.each(FAULTS)(
    "ends an answer that meets %s as it must, and holds nothing open",
    async (what, reply, state, code, outcome, text) => {
      const fake = await fakes.start({ reply })
      const ended = await ask(await open([providerOf(fake, { api })], IMPATIENT[outcome] ?? {}))
      expect({ state: ended.state, code: ended.code, outcomes: ended.outcomes }).toEqual({ state, code, outcomes: [outcome] })
      expect(what === "an answer without an end" ? ended.text.replace(/^a+$/u, "a") : ended.text).toBe(text)
      if (state !== "complete") expect(ended.finish).toBeUndefined()
      expect(fake.requests).toHaveLength(1)
      await Promise.all(fake.requests.map(({ closed }) => closed))
      expect(fake.active()).toBe(0)
    },
  )

  it("fails an answer whose server refuses connections", async () => {
    const fake = await fakes.start()
    await fake.refuse()
    expect(await ask(await open([providerOf(fake, { api })]))).toMatchObject({
      state: "failed",
      code: "provider_failed",
      outcomes: ["transient"],
      text: "",
    })
  })

  it("cuts ten megabytes at the limit, and does not fetch the rest", async () => {
    const fake = await fakes.start({ reply: { deltas: Array.from({ length: 1_000 }, () => "0123456789".repeat(1_000)) } })
    const ended = await ask(await open([providerOf(fake, { api })]))
    expect([ended.state, ended.finish, ended.text.length]).toEqual(["complete", "length", 100_000])
    expect(await fake.requests[0]?.closed).toBe("aborted")
    expect(fake.requests[0]?.written()).toBeLessThan(fake.requests[0]?.answer.length ?? 0)
  })

  it("aborts its request within a second of a stop, keeps the text and asks nobody else", async () => {
    const [fake, other] = [await fakes.start({ reply: { fault: { type: "stall", before: 1 } } }), await fakes.start()]
    const opened = await open([providerOf(fake, { api }), providerOf(other, { api, name: "other" })])
    const { me, id } = opened
    const { answerId = "" } = await me.send(id, "?")
    for await (const frame of me.subscribe(id))
      if ((frame.type === "answer_delta" || frame.type === "answer_snapshot") && frame.text !== "") break
    await me.stop(id, answerId)
    const aborted = await Promise.race([
      fake.requests[0]?.closed,
      new Promise((resolve) => setTimeout(resolve, 1_000, "still open")),
    ])
    expect(aborted).toBe("aborted")
    const message = await until(opened, (item) => item.id === answerId && isTerminal(item.answer?.state ?? "pending"))
    expect([message.answer?.state, textOf(message), other.requests.length]).toEqual(["stopped", "Grüße", 0])
  })

  it("is the second of two servers when the first dies before a word", async () => {
    const deaths: ReadonlyArray<FakeReply> = [
      { fault: { type: "hang_up" } },
      { fault: { type: "cut", after: 0 } },
      { fault: { type: "early_end", after: 0 } },
      { fault: { type: "status", status: 429, code: "insufficient_quota" } },
      { fault: { type: "stall", before: 0 } },
    ]
    for (const reply of deaths) {
      const [first, second] = [await fakes.start({ reply }), await fakes.start({ reply: { model: "model-2-1" } })]
      const ended = await ask(
        await open([providerOf(first, { api, name: "first" }), providerOf(second, { api, name: "second", model: "model-2" })], {
          aiFirstTokenTimeout: 2_000,
        }),
      )
      expect(ended).toMatchObject({ state: "complete", text: TEXT, answer: { provider: "second", model: "model-2-1" } })
      expect(ended.answer?.attempts?.map(({ provider }) => provider)).toEqual(["first", "second"])
    }
  })

  it("is not the second of two servers when the first dies after a word", async () => {
    for (const type of ["cut", "early_end"] as const) {
      const [first, second] = [await fakes.start({ reply: { fault: { type, after: 1 } } }), await fakes.start()]
      const ended = await ask(
        await open([providerOf(first, { api, name: "first" }), providerOf(second, { api, name: "second" })]),
      )
      expect(ended).toMatchObject({ state: "interrupted", text: "Grüße", answer: { provider: "first" } })
      expect(second.requests).toHaveLength(0)
    }
  })

  it("puts neither key nor question into a log or an answer, although its server quotes both", async () => {
    const message = `${KEY} CanaryOfTheQuestion`
    const entries: Array<LogEntry> = []
    for (const fault of [
      { type: "status", status: 401, code: KEY, message },
      { type: "status", status: 500, body: message },
      { type: "stream_error", after: 1, errorType: message, message },
    ] as const) {
      const fake = await fakes.start({ reply: { fault } })
      const ended = await ask(await open([providerOf(fake, { api })], {}, (entry) => void entries.push(entry)))
      expect(JSON.stringify(ended)).not.toMatch(/Canary/u)
    }
    expect(entries.map(({ message: said }) => JSON.stringify(said)).join()).toContain("provider failed")
    expect(JSON.stringify(entries)).not.toMatch(/Canary/u)
  })
})
