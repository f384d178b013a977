/** A process that opens the store in the directory of its argument, writes once, closes it, and says what came of it. */
import * as Effect from "effect/Effect"
import { ConversationLog } from "@parley/core"
import { sqliteStorage } from "@parley/adapters/sqlite"
import { createRoom } from "./sqlite-support.ts"

const write = ConversationLog.use((log) => log.commit(createRoom()))
const { outcome } = await Effect.runPromise(Effect.provide(write, sqliteStorage({ directory: process.argv[2] ?? "" })))
console.log(outcome)
