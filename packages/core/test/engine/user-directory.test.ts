import { memory } from "@parley/adapters/memory"
import * as Effect from "effect/Effect"
import { afterEach, describe, expect, it } from "vitest"
import { type Chat, createChat } from "../../src/facade/create-chat.ts"
import type { PlainUserDirectory } from "../../src/facade/plain-user-directory.ts"

const open: Array<Chat> = []
afterEach(async () => {
  for (const chat of open.splice(0)) await chat.close()
})

const start = async (users: PlainUserDirectory) => {
  const chat = await createChat({ storage: memory(), users, log: () => {} })
  open.push(chat)
  const [ann, ben] = [chat.as({ userId: "ann" }), chat.as({ userId: "ben" })]
  const { id } = await ann.createRoom({ type: "private", invite: ["ben"] })
  await ben.join(id)
  const { messageId } = await ann.send(id, "hello")
  await ben.react(id, messageId, "+1")
  /** The first page of a subscription, of a sync and of the history. */
  const pages = async (cursor?: string) => {
    const principal = { tenant: "default", userId: "ann", roles: [] }
    const conversations = [{ conversationId: id, ...(cursor === undefined ? {} : { cursor }) }]
    const synced = await Effect.runPromise(chat.gateway.sync(principal, { conversations, answers: [], wait: 0 }))
    const frames = ann.subscribe(id, cursor === undefined ? {} : { cursor })
    const subscribed = (await frames.next()).value as { readonly users?: ReadonlyArray<object> }
    await frames.return?.()
    return { subscribed, synced: synced.frames[0] as { readonly users?: ReadonlyArray<object> }, history: await ann.history(id) }
  }
  return { chat, ann, id, pages }
}

const byId = (users: ReadonlyArray<object> | undefined) =>
  [...((users ?? []) as ReadonlyArray<{ readonly id: string }>)].toSorted((a, b) => (a.id < b.id ? -1 : 1))

describe("a user directory", () => {
  it("names the people on every kind of page, asked for each once", async () => {
    const asked: Array<ReadonlyArray<string>> = []
    const { pages } = await start(async (ids, tenant) => {
      asked.push([tenant, ...ids.toSorted()])
      return ids.map((id) => ({ id, name: id.toUpperCase(), avatarUrl: `https://faces.example/${id}` }))
    })
    const both = [
      { id: "ann", name: "ANN", avatarUrl: "https://faces.example/ann" },
      { id: "ben", name: "BEN", avatarUrl: "https://faces.example/ben" },
    ]
    const { subscribed, synced, history } = await pages()
    expect(byId(subscribed.users)).toEqual(both)
    expect(byId(synced.users)).toEqual(both)
    expect(byId(history.users)).toEqual(both)
    for (const ids of asked) expect(ids).toEqual(["default", "ann", "ben"])
    const epoch = history.asOf.split(".")[0] as string
    const since = await pages(`${epoch}.1`)
    expect(byId(since.subscribed.users)).toEqual(both)
    expect(byId(since.synced.users)).toEqual(both)
  })

  it("is asked anew for each page: nothing of it is stored", async () => {
    let name = "Ann"
    const { ann, id } = await start(async () => [{ id: "ann", name }])
    expect((await ann.history(id)).users).toEqual([{ id: "ann", name: "Ann" }])
    name = "Anna"
    expect((await ann.history(id)).users).toEqual([{ id: "ann", name: "Anna" }])
  })

  it("tells nothing but what was asked, in text that travels", async () => {
    const { ann, id } = await start(async () => [
      { id: "ann", name: `A\0\ud800${"x".repeat(300)}`, avatarUrl: "x".repeat(3_000), email: "ann@example.org" } as never,
      { id: "ann", name: "twice" },
      { id: "eve", name: "nobody asked" },
    ])
    const { users } = await ann.history(id)
    expect(users).toHaveLength(1)
    expect(Object.keys(users?.[0] ?? {})).toEqual(["id", "name"])
    expect(users?.[0]?.name).toMatch(/^A\ufffdx{197}$/u)
  })

  it("is left out when it knows nobody, fails, answers nonsense or answers nothing", async () => {
    const silent: ReadonlyArray<PlainUserDirectory> = [
      async () => [],
      () => Promise.reject(new Error("directory down")),
      async () => ({ ann: {} }) as never,
      async () => [null] as never,
      () => new Promise(() => {}),
    ]
    for (const users of silent) {
      const { ann, id } = await start(users)
      const history = await ann.history(id)
      expect(history.messages.length).toBeGreaterThan(0)
      expect(history).not.toHaveProperty("users")
    }
  })
})
