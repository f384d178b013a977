/**
 * What the three durable ports of one store share. Lives as long as the layer that made it.
 *
 * Keys of maps join their parts with NUL, which no string of the engine holds, so that two tenants never meet in one key.
 */
import * as Crypto from "node:crypto"
import * as Effect from "effect/Effect"
import { storageError, type OutboxRow, type StorageError } from "@parley/core"
import { makeFingerprint } from "../internal/fingerprint.ts"
import type { ConversationState, LeaseRow, UsedKey } from "./conversation-state.ts"

export interface Database {
  readonly epoch: string
  readonly conversations: Map<string, ConversationState>
  /** Erased ids: never given out again. */
  readonly erased: Set<string>
  /** Keys that hold for a whole tenant. */
  readonly tenantKeys: Map<string, UsedKey>
  /** Conversations by the user who has a member item in them. */
  readonly conversationsOf: Map<string, Set<ConversationState>>
  readonly leases: Set<LeaseRow>
  readonly outbox: Array<OutboxRow>
  /** HMAC of a request under a key of this store, so that a dump of it tells nobody what was asked. */
  readonly fingerprint: (request: string) => string
  closed: boolean
}

export const makeDatabase = (epoch: string): Database => {
  const fingerprint = makeFingerprint(Crypto.randomBytes(32))
  return {
    epoch,
    conversations: new Map(),
    erased: new Set(),
    tenantKeys: new Map(),
    conversationsOf: new Map(),
    leases: new Set(),
    outbox: [],
    fingerprint: (request) => fingerprint(request).toString("base64"),
    closed: false,
  }
}

/** Drops everything at once: whoever still holds a port of a closed store gets errors, not data. */
export const closeDatabase = (database: Database): void => {
  database.closed = true
  for (const map of [database.conversations, database.tenantKeys, database.conversationsOf]) map.clear()
  database.erased.clear()
  database.leases.clear()
  database.outbox.length = 0
}

export const joinKey = (...parts: ReadonlyArray<string>): string => parts.join("\0")

const CLOSED = storageError("closed", "the in-memory store was closed with its layer")

/** Runs one operation of a port in one synchronous step, which is what makes it atomic and its reads consistent. */
export const operation = <A>(database: Database, run: (now: number) => A): Effect.Effect<A, StorageError> =>
  Effect.clockWith((clock) =>
    // A test's clock may stand between two milliseconds; stamps are whole.
    database.closed ? Effect.fail(CLOSED) : Effect.sync(() => run(Math.floor(clock.currentTimeMillisUnsafe()))),
  )
