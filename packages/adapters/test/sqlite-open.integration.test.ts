import { spawn } from "node:child_process"
import { statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { once } from "node:events"
import * as Effect from "effect/Effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { AnswerLeases, ConversationLog, Outbox } from "@parley/core"
import { sqliteStorage } from "@parley/adapters/sqlite"
import type { StorageServices } from "@parley/testkit"
import { migrate, versionOf } from "../src/sqlite/migrate.ts"
import { migrations, readMeta } from "../src/sqlite/schema.ts"
import { createRoom, removeDirectory, ROOM, send, temporaryDirectory, TENANT } from "./sqlite-support.ts"

const writeOnce = fileURLToPath(new URL("./sqlite-once-program.ts", import.meta.url))
const holder = fileURLToPath(new URL("./sqlite-writer-program.ts", import.meta.url))

let base: string
let directory: string
beforeEach(() => {
  base = temporaryDirectory()
  directory = base
})
afterEach(() => removeDirectory(base))

const file = () => join(directory, "parley.sqlite")
const head = Effect.gen(function* () {
  return yield* (yield* ConversationLog).get({ tenant: TENANT, conversation: ROOM, items: [] })
})
const open = <A, E>(use: Effect.Effect<A, E, StorageServices>) =>
  Effect.runPromise(Effect.result(Effect.provide(use, sqliteStorage({ directory }), { local: true })))
const alreadyOpen = { _tag: "Failure", failure: { _tag: "StorageError", reason: "unavailable" } }

describe("opening", () => {
  it("makes the directory for the owner alone", async () => {
    directory = join(directory, "deep", "data")
    expect(await open(head)).toMatchObject({ _tag: "Success", success: undefined })
    expect(statSync(directory).mode & 0o777).toBe(0o700)
  })

  it("keeps what was written, the epoch included", async () => {
    const first = await open(ConversationLog.use((log) => Effect.andThen(log.commit(createRoom()), head)))
    const second = await open(head)
    expect(first).toMatchObject({ _tag: "Success", success: { head: { change: 1 } } })
    expect(second).toEqual(first)
  })

  it("refuses a second opener in the same process at once, and names the file", async () => {
    const second = Effect.promise(() => open(head))
    const inside = await open(second)
    expect(inside).toMatchObject({ success: alreadyOpen })
    expect(JSON.stringify(inside)).toContain(file())
    expect(await open(head)).toMatchObject({ _tag: "Success" })
  })

  it("refuses while another process has it open, and opens once that was killed", async () => {
    const child = spawn(process.execPath, [holder, directory], { stdio: ["ignore", "pipe", "inherit"] })
    await once(child.stdout, "data")
    expect(await open(head)).toMatchObject(alreadyOpen)
    child.kill("SIGKILL")
    await once(child, "exit")
    expect(await open(head)).toMatchObject({ _tag: "Success" })
  })

  it("calls a file that is no database corrupt", async () => {
    writeFileSync(file(), "this is not a database, and long enough to be read as a header by whoever looks".repeat(20))
    expect(await open(head)).toMatchObject({ _tag: "Failure", failure: { reason: "corrupt" } })
  })

  it("calls a directory that cannot be made unavailable", async () => {
    writeFileSync(join(directory, "taken"), "")
    directory = join(directory, "taken", "data")
    expect(await open(head)).toMatchObject({ _tag: "Failure", failure: { reason: "unavailable" } })
  })
})

describe("migrations", () => {
  const tables = (database: DatabaseSync) =>
    database.prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name").all()

  it("go forward, back and forward again, each to the same tables", () => {
    const database = new DatabaseSync(":memory:")
    migrate(database, migrations)
    const full = tables(database)
    expect([versionOf(database), full.length > 0]).toEqual([migrations.length, true])
    migrate(database, migrations, 0)
    expect([versionOf(database), tables(database)]).toEqual([0, []])
    migrate(database, migrations)
    expect([versionOf(database), tables(database)]).toEqual([migrations.length, full])
  })

  it("give every database an epoch and a fingerprint key of its own, and keep them", () => {
    const made = [1, 2].map(() => {
      const database = new DatabaseSync(":memory:")
      migrate(database, migrations)
      const meta = readMeta(database)
      migrate(database, migrations)
      expect(readMeta(database)).toEqual(meta)
      expect([meta.epoch, meta.fingerprintKey.length]).toEqual([expect.stringMatching(/^[0-9a-z]{1,32}$/), 32])
      return meta
    })
    expect(made[0]).not.toEqual(made[1])
  })

  it("leave the version before when a step fails", () => {
    const database = new DatabaseSync(":memory:")
    const failing = {
      up: (target: DatabaseSync) => {
        target.exec("CREATE TABLE half (a)")
        target.exec("CREATE TABLE meta (a)")
      },
      down: () => undefined,
    }
    expect(() => migrate(database, [...migrations, failing])).toThrow("meta")
    expect(versionOf(database)).toBe(migrations.length)
    expect(tables(database)).not.toContainEqual({ name: "half" })
  })

  it("refuse a database that a newer version wrote", async () => {
    await open(head)
    const database = new DatabaseSync(file())
    database.exec(`PRAGMA user_version = ${migrations.length + 1}`)
    database.close()
    const refused = await open(head)
    expect(refused).toMatchObject({ _tag: "Failure", failure: { reason: "unavailable" } })
    expect(JSON.stringify(refused)).toContain(`schema version ${migrations.length + 1}`)
  })
})

describe("closing", () => {
  it("ends in a process that has nothing else to live for, which then ends too", async () => {
    for (const outcome of ["ok", "conflict"]) {
      const child = spawn(process.execPath, [writeOnce, directory], { stdio: ["ignore", "pipe", "inherit"] })
      const [[code], said] = await Promise.all([once(child, "exit"), text(child.stdout)])
      expect([code, said]).toEqual([0, `${outcome}\n`])
    }
  })

  it("finishes what was issued before, and fails what comes after as closed", async () => {
    const left = await open(
      Effect.gen(function* () {
        const log = yield* ConversationLog
        yield* log.commit(createRoom())
        for (let n = 1; n <= 600; n++) yield* Effect.forkDetach(log.commit(send(`msg_${n}`)), { startImmediately: true })
        return { log, leases: yield* AnswerLeases, outbox: yield* Outbox }
      }),
    )
    if (left._tag !== "Success") throw new Error("the store did not open")
    const { log, leases, outbox } = left.success
    const ref = { tenant: TENANT, conversation: ROOM, answer: "msg_1" }
    for (const late of [
      log.commit(send("msg_late")),
      log.heads([]),
      log.idle({ type: "group", idleMs: 0, limit: 1 }),
      leases.claim(ref, 1),
      leases.expired(1),
      outbox.read(0, 1),
    ])
      expect(await Effect.runPromise(Effect.result(late as Effect.Effect<unknown, unknown>))).toMatchObject({
        failure: { _tag: "StorageError", reason: "closed" },
      })
    expect(await open(head)).toMatchObject({ success: { head: { seq: 600 } } })
  })
})
