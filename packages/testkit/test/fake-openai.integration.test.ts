/** The fake server is what its adapter is judged by, so here nothing reads it but fetch. */
import { afterEach, describe, expect, it } from "vitest"
import { type FakeApi, fakeOpenAi, type FakeOpenAi, type FakeReply } from "../src/fake-openai/index.ts"

const open: Array<FakeOpenAi> = []
afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close()
})

const start = async (reply: FakeReply = {}): Promise<FakeOpenAi> => {
  const fake = await fakeOpenAi({ reply })
  open.push(fake)
  return fake
}

const PATHS = { chat: "/chat/completions", responses: "/responses" } as const
const APIS: ReadonlyArray<FakeApi> = ["chat", "responses"]

const post = (fake: FakeOpenAi, api: FakeApi, init: RequestInit = {}) =>
  fetch(`${fake.baseUrl}${PATHS[api]}`, {
    method: "POST",
    headers: { authorization: "Bearer k", "content-type": "application/json" },
    body: JSON.stringify({ model: "m", stream: true, stream_options: { include_usage: true } }),
    ...init,
  })

/** The pieces in which a body arrives, and whether it broke. */
const piecesOf = async (response: Response) => {
  const pieces: Array<Uint8Array> = []
  try {
    for await (const piece of response.body ?? []) pieces.push(piece as Uint8Array)
    return { pieces, broke: false, text: Buffer.concat(pieces).toString() }
  } catch {
    return { pieces, broke: true, text: Buffer.concat(pieces).toString() }
  }
}

const dataOf = (text: string): ReadonlyArray<string> => [...text.matchAll(/^data: (.*)$/gmu)].map(([, data = ""]) => data)

describe.each(APIS)("the stream of %s", (api) => {
  it("is events of JSON, whose last say how it ended", async () => {
    const { text } = await piecesOf(await post(await start(), api))
    const data = dataOf(text)
    if (api === "chat") expect(data.at(-1)).toBe("[DONE]")
    const events = data.filter((each) => each !== "[DONE]").map((each) => JSON.parse(each) as Record<string, unknown>)
    expect(JSON.stringify(events.at(-1))).toMatch(
      api === "chat" ? /"choices":\[\],"usage":\{"prompt_tokens":11/u : /"status":"completed"/u,
    )
    expect(text).toContain(api === "chat" ? '"finish_reason":"stop"' : "event: response.completed\n")
  })

  it.each([1, 37, { seed: 7 }])("arrives in the writes it was split into: %o", async (split) => {
    const whole = await piecesOf(await post(await start(), api))
    const fake = await start({ split })
    const { pieces, text } = await piecesOf(await post(fake, api))
    expect(text).toBe(whole.text)
    // The client joins what came before it looked, which at the beginning is more than one write.
    const average = typeof split === "number" ? split : 33
    expect(pieces.length).toBeGreaterThan((0.8 * Buffer.byteLength(text)) / average)
    expect(fake.requests[0]?.written()).toBe(Buffer.byteLength(text))
  })

  it("breaks when it is cut, and does not when it ends early", async () => {
    const cut = await start({ fault: { type: "cut", after: 2 } })
    expect(await piecesOf(await post(cut, api))).toMatchObject({ broke: true, text: cut.requests[0]?.answer.toString() })
    expect(await cut.requests[0]?.closed).toBe("cut")
    const early = await start({ fault: { type: "early_end", after: 2 } })
    const { broke, text } = await piecesOf(await post(early, api))
    expect([broke, text]).toEqual([false, early.requests[0]?.answer.toString()])
    expect(text).not.toMatch(/"stop"|completed/u)
    expect(await early.requests[0]?.closed).toBe("answered")
  })

  it("has as many deltas before a fault as the fault says", async () => {
    const count = async (reply: FakeReply) => {
      const { text } = await piecesOf(await post(await start(reply), api))
      return dataOf(text).filter((data) => /"content":"[^"]|output_text\.delta/u.test(data)).length
    }
    for (const after of [0, 1, 4]) {
      expect(await count({ fault: { type: "cut", after } })).toBe(after)
      expect(await count({ fault: { type: "stream_error", after } })).toBe(after)
    }
    expect(await count({ fault: { type: "garbage", after: 2 } })).toBe(4)
  })

  it("stalls until its client leaves, and knows how far it came", async () => {
    for (const before of ["headers", "body", 2] as const) {
      const fake = await start({ fault: { type: "stall", before } })
      const client = new AbortController()
      const answered = post(fake, api, { signal: client.signal }).then(piecesOf, () => undefined)
      const request = await fake.request(1)
      expect(fake.active()).toBe(1)
      client.abort()
      await answered
      expect(await request.closed).toBe("aborted")
      expect(fake.active()).toBe(0)
      expect(request.written()).toBeLessThanOrEqual(request.answer.length)
    }
  })

  it("is refused as the script says, one reply a request, then as the options say", async () => {
    const fake = await start()
    fake.script({ fault: { type: "status", status: 429, code: "insufficient_quota", headers: { "retry-after": "9" } } })
    const refused = await post(fake, api)
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "9"])
    expect(await refused.json()).toMatchObject({ error: { code: "insufficient_quota", type: "invalid_request_error" } })
    expect((await piecesOf(await post(fake, api))).broke).toBe(false)
    expect(fake.requests.map(({ body }) => body["model"])).toEqual(["m", "m"])
  })
})

it("refuses who has no key, who asks for no stream, and every other path", async () => {
  const fake = await start()
  expect((await post(fake, "chat", { headers: {} })).status).toBe(401)
  expect((await post(fake, "chat", { body: '{"model":"m"}' })).status).toBe(400)
  expect((await fetch(`${fake.baseUrl}/models`)).status).toBe(404)
  expect(fake.requests).toEqual([])
})

it("refuses connections once it is told to", async () => {
  const fake = await start()
  await fake.refuse()
  await expect(post(fake, "chat")).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } })
})
