/** Cursors that this log cannot serve: an explicit resync and a whole window, never an empty success. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { apiOf, connect, type Host, type Json, openHost, scriptedAi } from "./wire-harness.ts"

let host: Host
let id: string
let head: string
let epoch: string
let change: number
let ofOther: string

beforeAll(async () => {
  host = await openHost()
  const me = host.chat.as({ userId: "ann" })
  id = (await me.createSession()).id
  await me.send(id, "one")
  await me.send(id, "two")
  head = (await me.get(id)).head
  epoch = head.split(".")[0] as string
  change = Number(head.split(".")[1])
  const other = await me.createSession()
  for (let i = 0; i < 5; i++) await me.send(other.id, `${i}`)
  ofOther = (await me.get(other.id)).head
})
afterAll(() => host.close())

const CURSORS: ReadonlyArray<readonly [string, () => string, string]> = [
  ["garbage", () => "garbage", "unknown_cursor"],
  ["a dot", () => ".", "unknown_cursor"],
  ["a change without an epoch", () => `.${change}`, "unknown_cursor"],
  ["an epoch without a change", () => `${epoch}.`, "unknown_cursor"],
  ["a negative change", () => `${epoch}.-1`, "unknown_cursor"],
  ["half a change", () => `${epoch}.1.5`, "unknown_cursor"],
  ["a leading zero", () => `${epoch}.01`, "unknown_cursor"],
  ["an exponent", () => `${epoch}.1e3`, "unknown_cursor"],
  ["a change beyond what numbers hold", () => `${epoch}.9999999999999999`, "unknown_cursor"],
  ["white space", () => ` ${head}`, "unknown_cursor"],
  ["SQL", () => `${epoch}.1' OR '1'='1`, "unknown_cursor"],
  ["the next change", () => `${epoch}.${change + 1}`, "unknown_cursor"],
  ["the far future", () => `${epoch}.${Number.MAX_SAFE_INTEGER}`, "unknown_cursor"],
  ["another conversation, further than this one", () => ofOther, "unknown_cursor"],
  ["another epoch", () => `0ther.${change}`, "epoch_changed"],
  ["another epoch at 0", () => "0ther.0", "epoch_changed"],
  [
    "an epoch in other letters",
    () => `${epoch.toLowerCase() === epoch ? epoch.toUpperCase() : epoch.toLowerCase()}.1`,
    "epoch_changed",
  ],
]

const expectResync = (frames: ReadonlyArray<Json>, reason: string): void => {
  expect(frames[0]).toEqual({ type: "resync", conversationId: id, reason })
  const pages = frames.slice(1)
  expect(pages.length).toBeGreaterThan(0)
  for (const page of pages) expect(page).toMatchObject({ type: "changes", window: { from: 1 } })
  const items = pages.flatMap((page) => page["items"] as ReadonlyArray<Json>)
  expect(items.map((item) => item["kind"])).toEqual(["conversation", "member", "message", "message"])
  expect(pages.at(-1)).toMatchObject({ more: false, upTo: change, epoch })
}

describe("the cursor is", () => {
  it.each(CURSORS)("%s", async (_name, make, reason) => {
    const cursor = make()
    const polled = await apiOf(host, "ann")("GET", `/sync?c=${encodeURIComponent(`${id}@${cursor}`)}&wait=5`)
    expect(polled.status).toBe(200)
    expectResync(polled.body["frames"], reason)
    const since = await apiOf(host, "ann")("GET", `/messages?sessionId=${id}&since=${encodeURIComponent(cursor)}`)
    expectResync(since.body["frames"], reason)

    const client = await connect(host, "dev:ann")
    client.send({ type: "subscribe", id: "s", conversationId: id, cursor })
    await client.find((frame) => frame["type"] === "changes" && frame["more"] === false)
    expectResync(client.frames.slice(2), reason)
    client.socket.close()
  })

  it("empty", async () => {
    expectResync((await apiOf(host, "ann")("GET", `/sync?c=${id}@`)).body["frames"], "unknown_cursor")
  })

  it("a tag's, whose state holds: garbage is resynced all the same", async () => {
    const api = apiOf(host, "ann")
    const tag = (await api("GET", `/sync?c=${id}@${head}`)).headers.get("etag") as string
    const answered = await api("GET", `/sync?c=${id}@garbage`, { headers: { "if-none-match": tag } })
    expect(answered.status).toBe(200)
    expectResync(answered.body["frames"], "unknown_cursor")
  })

  it("right: nothing comes, or what came since", async () => {
    const api = apiOf(host, "ann")
    expect((await api("GET", `/sync?c=${id}@${head}`)).body["frames"]).toEqual([])
    expect((await api("GET", `/sync?c=${id}@${epoch}.0`)).body["frames"]).toMatchObject([
      { type: "changes", after: 0, upTo: change },
    ])
  })

  it("too far behind", async () => {
    const small = await openHost({ limits: { maxChangesBehind: 3, windowMessages: 2 } })
    const me = small.chat.as({ userId: "ann" })
    const session = await me.createSession()
    const start = (await me.get(session.id)).head
    for (let i = 0; i < 4; i++) await me.send(session.id, `${i}`)
    const { body } = await apiOf(small, "ann")("GET", `/sync?c=${session.id}@${start}`)
    expect(body["frames"][0]).toMatchObject({ type: "resync", reason: "too_far_behind" })
    expect(body["frames"].at(-1)).toMatchObject({ window: { from: 3 }, items: [{ seq: 3 }, { seq: 4 }], more: false })
    await small.close()
  })
})

it("takes no text of another epoch for the text of this one, though revision and length fit", async () => {
  const ai = scriptedAi()
  const answering = await openHost({ ai: [ai.provider], timing: { deltaInterval: 2 } })
  const me = answering.chat.as({ userId: "ann" })
  const session = await me.createSession()
  const { answerId } = await me.send(session.id, "tell me")
  ai.say("once upon")
  const query = (cursor: string, held: string): string =>
    `/sync?c=${encodeURIComponent(`${session.id}@${cursor}`)}&a=${encodeURIComponent(held)}`
  const snapshotOf = (frames: ReadonlyArray<Json>): Json | undefined =>
    frames.find((frame) => frame["type"] === "answer_snapshot" && frame["messageId"] === answerId)
  const polled = async (cursor: string): Promise<Json | undefined> => {
    const { body } = await apiOf(answering, "ann")("GET", query(cursor, `${answerId}@1.4`))
    return snapshotOf(body["frames"])
  }
  await expect.poll(async () => (await polled((await me.get(session.id)).head))?.["text"]).toBe(" upon")
  expect(await polled("0ther.1")).toMatchObject({ offset: 0, text: "once upon" })

  const client = await connect(answering, "dev:ann")
  client.send({ type: "subscribe", id: "s", conversationId: session.id, cursor: "0ther.1", answers: [`${answerId}@1.4`] })
  expect(await client.find((frame) => frame["type"] === "answer_snapshot")).toMatchObject({ offset: 0, text: "once upon" })
  client.socket.close()
  await answering.close()
})
