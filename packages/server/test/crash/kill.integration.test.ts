/**
 * Kills the server (SIGKILL) at random moments under load, twenty times, on one database, and then holds what clients were told
 * against what is stored. Verifies G1 to G5, G7, G9, G10 on SQLite for the death of the process; the loss of power is another matter.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { setTimeout as pause } from "node:timers/promises"
import { agree, ClientModel } from "@parley/testkit"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { CutTolerantClient } from "./cut-tolerant-client.ts"
import { freePort, startServer, type ServerProcess } from "./server-process.ts"
import { SwitchingReader } from "./switching-reader.ts"

const KILLS = 20
const WRITERS = ["ann", "bob", "cat", "dan"]
const IN_FLIGHT = 8
/** From ready to killed, milliseconds: short enough that a kill may meet a start, a commit, an answer. */
const LIFE = { min: 50, max: 900 }

interface StoredItem {
  readonly id: string
  readonly kind: string
  readonly change: number
  readonly seq: number | null
  readonly body: string
  readonly created_at: number
  readonly updated_at: number
}

const directory = mkdtempSync(join(tmpdir(), "parley-kill-"))
let server: ServerProcess
let room: string
const sessions = new Map<string, string>()
const clients = new Map<string, CutTolerantClient>()
const readers: Array<SwitchingReader> = []
let sent = 0

const clientOf = (user: string): CutTolerantClient => clients.get(user) as CutTolerantClient

const must = async (user: string, frame: { readonly type: string; readonly [field: string]: unknown }) => {
  const reply = await clientOf(user).request(frame)
  if (reply.type !== "reply") throw new Error(`${frame.type} was refused: ${JSON.stringify(reply["error"])}`)
  return reply
}

const storedItems = (conversation: string): ReadonlyArray<StoredItem> => {
  const database = new DatabaseSync(join(directory, "parley.sqlite"), { readOnly: true })
  try {
    return database
      .prepare("SELECT i.* FROM items i JOIN conversations c ON c.c = i.c WHERE c.id = ? ORDER BY i.change")
      .all(conversation) as unknown as ReadonlyArray<StoredItem>
  } finally {
    database.close()
  }
}

/** Everything of a conversation, by a client that begins now and was never cut. */
const readAll = async (user: string, conversation: string): Promise<ClientModel> => {
  const model = new ClientModel(conversation)
  const client = new CutTolerantClient(server.base, user, (frame) => {
    if (frame["conversationId"] === conversation && frame.type !== "reply") model.accept(frame as never)
  })
  await client.connect()
  await client.request({ type: "subscribe", conversationId: conversation, ...model.subscribe() })
  while (model.change === undefined) await pause(5)
  for (let before = model.from; before !== undefined && before > 1;) {
    const page = await client.request({ type: "get_history", conversationId: conversation, before, limit: 100 })
    const { messages, reactions, asOf } = page as unknown as {
      readonly messages: Array<{ readonly seq: number }>
      readonly reactions: []
      readonly asOf: string
    }
    const [epoch, change] = asOf.split(".") as [string, string]
    model.acceptHistory({ epoch, asOf: Number(change), items: [...messages, ...reactions] as never })
    before = messages[0]?.seq
  }
  client.close()
  return model
}

beforeAll(async () => {
  const port = await freePort()
  server = await startServer({ port, directory })
  for (const user of WRITERS) clients.set(user, new CutTolerantClient(server.base, user))
  for (const user of WRITERS) await clientOf(user).connect()
  room = (await must("ann", { type: "create_room", roomType: "private", invite: WRITERS.slice(1) }))["conversationId"] as string
  for (const user of WRITERS.slice(1)) await must(user, { type: "join_room", conversationId: room })
  for (const user of WRITERS) sessions.set(user, (await must(user, { type: "create_session" }))["conversationId"] as string)

  readers.push(
    new SwitchingReader(server.base, "bob", room).start("websocket"),
    new SwitchingReader(server.base, "cat", room).start("poll"),
  )
  for (const user of ["ann", "bob"])
    readers.push(
      new SwitchingReader(server.base, user, sessions.get(user) as string).start(user === "ann" ? "websocket" : "poll"),
    )

  let over = false
  const load = WRITERS.flatMap((user) => [
    ...Array.from({ length: IN_FLIGHT }, async (_, lane) => {
      for (let n = 0; !over; n++) {
        sent += 1
        await clientOf(user).send(room, `${user}-${lane}-${n}`, `${user} says ${lane}.${n}`)
        // Reactions and edits race with the kills too; whether one of them got through, the log knows.
        if (n % 5 === 0) await pause(5)
      }
    }),
    (async () => {
      for (let n = 0; !over; n++) {
        await clientOf(user).send(
          sessions.get(user) as string,
          `${user}-ask-${n}`,
          "What is Parley, and how does it resume an answer?",
        )
        await pause(250)
      }
    })(),
    (async () => {
      while (!over) {
        const acks = [...clientOf(user).acks.values()].slice(-20).filter((ack) => ack.answerId === undefined)
        const target = acks[Math.floor(Math.random() * acks.length)]
        if (target !== undefined)
          await clientOf(user)
            .request({
              type: "message_reaction",
              conversationId: room,
              messageId: target.itemId,
              emoji: "👍",
              remove: Math.random() < 0.3,
            })
            .catch(() => undefined)
        await pause(10)
      }
    })(),
  ])
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(LIFE.min + Math.random() * (LIFE.max - LIFE.min))
    await server.kill()
    server = await startServer({ port, directory })
  }
  await pause(500)
  over = true
  await Promise.all(load)
}, 180_000)

afterAll(async () => {
  for (const client of clients.values()) client.close()
  await server?.kill()
  rmSync(directory, { recursive: true, force: true })
})

describe(`after ${KILLS} kills under load`, () => {
  test("the load was real: sends were acknowledged, and some had to be repeated", () => {
    const acked = [...clients.values()].reduce((sum, client) => sum + client.acks.size, 0)
    const repeats = [...clients.values()].reduce((sum, client) => sum + client.repeats, 0)
    console.log(`${acked} sends acknowledged, ${repeats} repeated over ${KILLS} kills`)
    expect(acked).toBeGreaterThan(KILLS * WRITERS.length)
    expect(acked).toBeGreaterThanOrEqual(sent)
    expect(repeats).toBeGreaterThan(0)
  })

  test("every acknowledged message stands at its seq, once, with its text", () => {
    const rows = [room, ...sessions.values()].flatMap((conversation) =>
      storedItems(conversation)
        .filter((item) => item.kind === "message")
        .map((item) => ({
          ...item,
          message: JSON.parse(item.body) as {
            readonly clientMessageId?: string
            readonly parts: ReadonlyArray<{ readonly text?: string }>
          },
        })),
    )
    const byId = new Map(rows.map((row) => [row.id, row]))
    const ids = rows.flatMap(({ message }) => message.clientMessageId ?? [])
    expect(new Set(ids).size).toBe(ids.length)
    for (const client of clients.values())
      for (const [clientMessageId, ack] of client.acks) {
        const row = byId.get(ack.itemId)
        expect({ seq: row?.seq, text: row?.message.parts[0]?.text, clientMessageId: row?.message.clientMessageId }).toEqual({
          seq: ack.seq,
          text: ack.text,
          clientMessageId,
        })
      }
  })

  test("seq is dense in the rows", () => {
    for (const conversation of [room, ...sessions.values()]) {
      const seqs = storedItems(conversation)
        .flatMap((item) => item.seq ?? [])
        .toSorted((a, b) => a - b)
      expect(seqs).toEqual(seqs.map((_, i) => i + 1))
    }
  })

  test("open answers are taken over or end, and one that did not complete can be regenerated", async () => {
    const terminal = new Set(["complete", "failed", "interrupted", "stopped", "blocked"])
    const answers = () =>
      [...sessions].flatMap(([user, conversation]) =>
        storedItems(conversation).flatMap((item) => {
          const { answer } = JSON.parse(item.body) as { readonly answer?: { readonly state: string; readonly revision: number } }
          return answer === undefined ? [] : [{ user, conversation, id: item.id, ...answer }]
        }),
      )
    await expect.poll(() => answers().filter(({ state }) => !terminal.has(state)), { timeout: 45_000, interval: 200 }).toEqual([])
    const ended = answers()
    console.log(
      Object.fromEntries(
        Object.entries(Object.groupBy(ended, ({ state, revision }) => `${state} in revision ${revision}`)).map(([key, all]) => [
          key,
          all?.length,
        ]),
      ),
    )
    expect(ended.some(({ revision }) => revision > 1)).toBe(true)
    const chosen =
      ended.find(({ state }) => state === "interrupted" || state === "failed") ?? (ended[0] as (typeof ended)[number])
    const fresh = await must(chosen.user, {
      type: "regenerate_answer",
      conversationId: chosen.conversation,
      messageId: chosen.id,
    })
    await expect
      .poll(() => answers().find(({ id }) => id === fresh["itemId"])?.state, { timeout: 20_000, interval: 100 })
      .toBe("complete")
  }, 90_000)

  test("a reader cut with every kill, on changing transports, ends where one never cut does", async () => {
    for (const reader of readers) {
      const { conversationId } = reader.model
      const user = conversationId === room ? "dan" : ([...sessions].find(([, id]) => id === conversationId)?.[0] as string)
      const head = storedItems(conversationId).at(-1)?.change as number
      await reader.finish(head)
      expect(reader.model.violations).toEqual([])
      expect(reader.cuts.websocket + reader.cuts.poll).toBeGreaterThan(KILLS / 2)
      const whole = await readAll(user, conversationId)
      expect(whole.violations).toEqual([])
      expect(agree(reader.model, whole)).toEqual([])
      const held = [...whole.items.values()].filter(
        ({ kind, seq }) => kind !== "message" || (seq as number) >= (reader.model.from as number),
      )
      for (const item of held) if (item.kind !== "reactions") expect(reader.model.items.get(item.id)?.change).toBe(item.change)
    }
  }, 60_000)
})
