/** What every use case stands on: the ports and the numbers, resolved once when the engine is built. */
import type { Limits, Timing } from "../policy/limits.ts"
import type { AuthorizerShape } from "../ports/authorizer.ts"
import type { BeforeAppendShape } from "../ports/before-append.ts"
import type { ConversationLogShape } from "../ports/conversation-log.ts"
import type { EventBusShape } from "../ports/event-bus.ts"
import type { OneTimeKeysShape } from "../ports/one-time-keys.ts"
import type { UserDirectoryShape } from "../ports/user-directory.ts"
import type { StorageError } from "../ports/storage-error.ts"
import type { ChatError } from "../protocol/errors.ts"
import type { SystemShape } from "../system.ts"
import type { AccessCache } from "./access.ts"

export interface Environment {
  readonly log: ConversationLogShape
  readonly bus: EventBusShape
  readonly system: SystemShape
  readonly limits: Limits
  readonly timing: Timing
  readonly access: AccessCache
  /** Absent: the access table alone decides. `access` asks it already; use cases that decide for themselves ask by `withRulings`. */
  readonly authorizer?: AuthorizerShape | undefined
  readonly beforeAppend?: BeforeAppendShape | undefined
  /** Absent: pages name users by their ids alone. */
  readonly directory?: UserDirectoryShape | undefined
  /** Absent: kept in this process. */
  readonly oneTimeKeys?: OneTimeKeysShape | undefined
  /** The author of answers; absent when no provider is configured, and then sessions get none. */
  readonly assistant: string | undefined
}

/** How a use case fails. The gateway turns a StorageError into what a client may know of it. */
export type EngineError = ChatError | StorageError
