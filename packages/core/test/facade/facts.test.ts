import { memory } from "@parley/adapters/memory"
import { afterEach, describe, expect, it } from "vitest"
import { type Chat, createChat } from "../../src/facade/create-chat.ts"
import type { OutboxRow } from "../../src/ports/outbox.ts"

const open: Array<Chat> = []
afterEach(async () => {
  for (const chat of open.splice(0)) await chat.close()
})
const start = async () => {
  const chat = await createChat({ storage: memory(), log: () => {} })
  open.push(chat)
  const me = chat.as({ userId: "ann" })
  const { id } = await me.createRoom({ type: "private", invite: ["ben"] })
  return { chat, me, id }
}
const all = async (facts: AsyncIterable<OutboxRow>) => {
  const rows: Array<OutboxRow> = []
  for await (const row of facts) rows.push(row)
  return rows
}

describe("the facts of a chat", () => {
  it("come in their order, with ids and no content, from any position", async () => {
    const { chat, me, id } = await start()
    const { messageId } = await me.send(id, "the secret plan")
    await chat.as({ userId: "zoe", tenant: "other" }).createSession()
    const rows = await all(chat.facts({ follow: false }))
    expect(rows.map(({ type, tenant, actor }) => [type, tenant, actor])).toEqual([
      ["room_created", "default", "ann"],
      ["member_invited", "default", "ann"],
      ["message_sent", "default", "ann"],
      ["session_created", "other", "zoe"],
    ])
    expect(rows[2]).toMatchObject({ conversation: id, itemId: messageId })
    expect(JSON.stringify(rows)).not.toContain("secret")
    expect(await all(chat.facts({ follow: false, after: rows[1]?.position as number }))).toEqual(rows.slice(2))
    expect(await all(chat.facts({ follow: false, after: rows[3]?.position as number }))).toEqual([])
  })

  it("are read page by page, none left out", async () => {
    const { chat, me, id } = await start()
    for (let n = 0; n < 1_010; n++) await me.send(id, `${n}`)
    const rows = await all(chat.facts({ follow: false }))
    expect(rows).toHaveLength(1_012)
    expect(new Set(rows.map(({ position }) => position)).size).toBe(1_012)
  })

  it("are followed as they happen, until one leaves or is told to end", async () => {
    const { chat, me, id } = await start()
    const end = new AbortController()
    const facts = chat.facts({ after: 2, signal: end.signal, pollMs: 5 })
    const next = facts.next()
    const { messageId } = await me.send(id, "hello")
    expect((await next).value).toMatchObject({ type: "message_sent", itemId: messageId })
    const waiting = facts.next()
    end.abort()
    expect(await waiting).toEqual({ done: true, value: undefined })
    for await (const fact of chat.facts()) {
      expect(fact.type).toBe("room_created")
      break
    }
    expect(await all(chat.facts({ signal: AbortSignal.abort() }))).toEqual([])
  })

  it("come again for who did not get to the end of one", async () => {
    const { chat } = await start()
    const handled: Array<number> = []
    let position = 0
    const handle = async (fails: boolean) => {
      for await (const fact of chat.facts({ after: position, follow: false })) {
        handled.push(fact.position)
        if (fails) throw new Error("the webhook is down")
        position = fact.position
      }
    }
    await expect(handle(true)).rejects.toThrow("webhook")
    await handle(false)
    expect(handled).toEqual([1, 1, 2])
  })

  it("end with an error when the chat closes: there may be more", async () => {
    const { chat } = await start()
    const facts = chat.facts({ after: 2 })
    const next = facts.next()
    const rejected = expect(next).rejects.toMatchObject({ name: "ParleyError" })
    await chat.close()
    await rejected
  })
})
