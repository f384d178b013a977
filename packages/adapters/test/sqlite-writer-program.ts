/**
 * A process for the tests to kill: opens the store in the directory of its first argument and says "open"; with a
 * second argument it sends messages without end, that many at a time, and prints `<seq> <message id>` once a send is acknowledged.
 */
import { writeSync } from "node:fs"
import * as Effect from "effect/Effect"
import { ConversationLog } from "@parley/core"
import { sqliteStorage } from "@parley/adapters/sqlite"
import { createRoom, send } from "./sqlite-support.ts"

const [directory = "", width = "0"] = process.argv.slice(2)
// Synchronous, so that what was acknowledged is out before the next line of the program runs.
const say = (line: string) => writeSync(1, `${line}\n`)

const sendForEver = (log: ConversationLog["Service"], sender: number) =>
  Effect.gen(function* () {
    for (let n = 1; ; n++) {
      const id = `msg_${process.pid}_${sender}_${n}`
      const outcome = yield* log.commit(send(id))
      if (outcome.outcome !== "ok") throw new Error(`the send of ${id} was refused: ${outcome.outcome}`)
      say(`${outcome.head.seq} ${id}`)
    }
  })

const program = Effect.gen(function* () {
  const log = yield* ConversationLog
  yield* log.commit(createRoom())
  say("open")
  const senders = Array.from({ length: Number(width) }, (_, sender) => sendForEver(log, sender))
  yield* Effect.all(senders, { concurrency: "unbounded" })
  yield* Effect.never
})

// The timer keeps the process alive: an open store does not.
setInterval(() => undefined, 60_000)
await Effect.runPromise(Effect.provide(program, sqliteStorage({ directory })))
