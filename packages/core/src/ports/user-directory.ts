/**
 * Names and faces of users. They are the host's: never stored in a message, looked up whenever a page is read, so that a renamed user is renamed everywhere.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

export interface UserProfile {
  readonly id: string
  /** At most 200 UTF-16 code units are kept. */
  readonly name?: string
  /** Left out when longer than 2,048. */
  readonly avatarUrl?: string
}

export interface UserDirectoryError {
  readonly _tag: "UserDirectoryError"
  /** For the log. */
  readonly message: string
}

export const userDirectoryError = (message: string): UserDirectoryError => ({ _tag: "UserDirectoryError", message })

/**
 * Contract:
 *
 * - Asked once a page, for the users that it names, each once. It leaves out whom it does not know; the order is free, and whom nobody asked
 *   about is dropped.
 * - A page waits half a second for it. Without an answer, or when it fails, the page goes out without names.
 * - Pages go to people who may read the conversation, and to nobody else; whether they may see each other's names is the directory's to say.
 */
export interface UserDirectoryShape {
  readonly lookup: (ids: ReadonlyArray<string>, tenant: string) => Effect.Effect<ReadonlyArray<UserProfile>, UserDirectoryError>
}

export class UserDirectory extends Context.Service<UserDirectory, UserDirectoryShape>()("parley/UserDirectory") {}
