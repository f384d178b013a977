/**
 * `@parley/adapters/sqlite`: the durable ports in one SQLite database, by Node's own `node:sqlite`. For one process on one
 * machine: a second opener of the same database is refused.
 *
 * A commit is acknowledged after the fsync of its transaction (WAL, `synchronous=FULL`), and concurrent commits share
 * transactions. Reads of a store that is being closed fail as `closed`; writes issued before are finished first.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AnswerLeases, ConversationLog, type EventBus, Outbox, type StorageError } from "@parley/core"
import { memoryBus } from "../memory/index.ts"
import { makeAnswerLeases } from "./answer-leases.ts"
import { makeConversationLog } from "./conversation-log.ts"
import { makeOutbox } from "./outbox.ts"
import { attempt, openStore, type SqliteOptions } from "./store.ts"

export type { SqliteOptions } from "./store.ts"

export const sqliteStorage = (options: SqliteOptions): Layer.Layer<ConversationLog | AnswerLeases | Outbox, StorageError> =>
  Layer.effectContext(
    Effect.flatMap(openStore(options), ({ reader, writer, now }) =>
      attempt(`read the schema of ${options.directory}`, () =>
        Context.make(ConversationLog, makeConversationLog(reader, writer, now)).pipe(
          Context.add(AnswerLeases, makeAnswerLeases(reader, writer, now)),
          Context.add(Outbox, makeOutbox(reader)),
        ),
      ),
    ),
  )

/**
 * Everything a chat in one process needs, kept in one file: what `createChat` takes as its storage. The bus is one of this process,
 * because no second process can open the file.
 *
 * @example
 * const chat = await createChat({ storage: sqlite({ directory: "./data" }) })
 */
export const sqlite = (options: SqliteOptions): Layer.Layer<ConversationLog | AnswerLeases | Outbox | EventBus, StorageError> =>
  Layer.merge(sqliteStorage(options), memoryBus())
