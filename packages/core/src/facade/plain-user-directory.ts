/** A user directory without Effect: an async function. */
import * as Effect from "effect/Effect"
import { type UserDirectoryShape, type UserProfile, userDirectoryError } from "../ports/user-directory.ts"

export type PlainUserDirectory = (ids: ReadonlyArray<string>, tenant: string) => Promise<ReadonlyArray<UserProfile>>

export const plainUserDirectory = (lookup: PlainUserDirectory): UserDirectoryShape => ({
  lookup: (ids, tenant) =>
    Effect.flatMap(
      Effect.tryPromise({
        try: async () => lookup(ids, tenant),
        catch: (cause) => userDirectoryError(`the host's users failed: ${cause instanceof Error ? cause.name : "unknown"}`),
      }),
      (found) =>
        isList(found) ? Effect.succeed(found) : Effect.fail(userDirectoryError("the host's users returned no list of profiles")),
    ),
})

const isList = (found: ReadonlyArray<UserProfile>): boolean =>
  Array.isArray(found) && found.every((each: unknown) => typeof each === "object" && each !== null)
