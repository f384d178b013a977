import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { afterEach, beforeEach, expect, it } from "vitest"
import { ConversationLog, Outbox } from "@parley/core"
import { sqliteStorage } from "@parley/adapters/sqlite"
import { removeDirectory, ROOM, temporaryDirectory, TENANT } from "./sqlite-support.ts"

const program = fileURLToPath(new URL("./sqlite-writer-program.ts", import.meta.url))

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})
afterEach(() => removeDirectory(directory))

/** Kills the program with SIGKILL once it acknowledged `count` sends; returns every id it acknowledged until then. */
const killAfter = async (count: number): Promise<ReadonlyArray<string>> => {
  const child = spawn(process.execPath, [program, directory, "24"], { stdio: ["ignore", "pipe", "inherit"] })
  const closed = once(child, "close")
  const acknowledged: Array<string> = []
  for await (const line of createInterface({ input: child.stdout })) {
    const id = line.split(" ")[1]
    if (id !== undefined) acknowledged.push(id)
    if (acknowledged.length === count) child.kill("SIGKILL")
  }
  await closed
  return acknowledged
}

const whatIsStored = Effect.gen(function* () {
  const log = yield* ConversationLog
  const page = yield* log.history({ tenant: TENANT, conversation: ROOM, from: 1, limit: 1_000_000, maxBytes: 1e9 })
  const facts = yield* (yield* Outbox).read(0, 1_000_000)
  return { messages: page?.messages ?? [], head: page?.head, facts: facts.map((fact) => fact.itemId) }
})

it("holds every acknowledged commit after kill -9, densely numbered, five times over", async () => {
  const acknowledged: Array<string> = []
  for (const count of [1, 40, 333, 700, 1500]) {
    acknowledged.push(...(await killAfter(count)))
    const { messages, head, facts } = await Effect.runPromise(
      Effect.provide(whatIsStored, sqliteStorage({ directory }), { local: true }),
    )
    const ids = messages.map(({ id }) => id)
    const stored = new Set(ids)
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([])
    expect(messages.map(({ seq }) => seq)).toEqual(ids.map((_, index) => index + 1))
    // The room itself took the first change.
    expect(messages.map(({ change }) => change)).toEqual(ids.map((_, index) => index + 2))
    expect(head).toMatchObject({ seq: ids.length, change: ids.length + 1 })
    expect(facts).toEqual(ids)
  }
})
