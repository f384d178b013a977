/** The `users` of a page: who the people are that it names. Outside the log's law, and gone without a loss. */
import * as Effect from "effect/Effect"
import type { Item } from "../domain/item.ts"
import { SHOWN_REACTORS } from "../domain/reactions.ts"
import type { UserProfile } from "../ports/user-directory.ts"
import { repairText } from "../protocol/text-rule.ts"
import type { Environment } from "./environment.ts"

const TIMEOUT = 500
const MAX_NAME = 200
const MAX_URL = 2_048

const namedIn = (items: ReadonlyArray<Item>): Set<string> => {
  const ids = new Set<string>()
  for (const item of items) {
    if (item.kind === "member") ids.add(item.userId)
    else if (item.kind === "conversation") ids.add(item.createdBy)
    else if (item.kind === "reactions") {
      for (const users of Object.values(item.users)) for (const id of users.slice(0, SHOWN_REACTORS)) ids.add(id)
    } else {
      if (item.author.kind === "user") ids.add(item.author.id)
      for (const id of item.notice?.userIds ?? []) ids.add(id)
    }
  }
  return ids
}

const profileOf = ({ id, name, avatarUrl }: UserProfile): UserProfile => ({
  id,
  ...(typeof name === "string" ? { name: repairText(name.slice(0, MAX_NAME)) } : {}),
  ...(typeof avatarUrl === "string" && avatarUrl.length <= MAX_URL ? { avatarUrl: repairText(avatarUrl) } : {}),
})

/** The page, with `users` when there is a directory that knows somebody on it. */
export const withUsers = <Page extends object>(
  { directory }: Environment,
  tenant: string,
  items: ReadonlyArray<Item>,
  page: Page,
): Effect.Effect<Page & { readonly users?: ReadonlyArray<UserProfile> }> => {
  if (directory === undefined) return Effect.succeed(page)
  const ids = namedIn(items)
  if (ids.size === 0) return Effect.succeed(page)
  return directory.lookup([...ids], tenant).pipe(
    Effect.timeoutOrElse({ duration: TIMEOUT, orElse: () => Effect.fail({ message: `no answer within ${TIMEOUT} ms` }) }),
    Effect.map((found) => found.filter(({ id }) => ids.delete(id)).map(profileOf)),
    Effect.matchEffect({
      onFailure: ({ message }) => Effect.as(Effect.logWarning("the user directory failed", { reason: message }), page),
      onSuccess: (users) => Effect.succeed(users.length === 0 ? page : { ...page, users }),
    }),
  )
}
