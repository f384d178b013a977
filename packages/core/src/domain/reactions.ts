/**
 * The reactions of one message: per emoji, who reacted, in order.
 *
 * Invariants: a user stands at most once under an emoji; an emoji without users is absent; the item outlives its
 * last reaction (empty), because a log forgets nothing; adding twice or removing what is not there is no put.
 */
import { reactionsIdOf } from "./ids.ts"
import type { ReactionsBody } from "./item.ts"

export type ReactionEvent =
  | { readonly type: "added"; readonly emoji: string; readonly userId: string }
  | { readonly type: "removed"; readonly emoji: string; readonly userId: string }

export type ReactionTransition =
  | { readonly type: "changed"; readonly reactions: ReactionsBody }
  | { readonly type: "unchanged" }
  | { readonly type: "refused" }

export const noReactions = (messageId: string): ReactionsBody => ({
  kind: "reactions",
  id: reactionsIdOf(messageId),
  v: 1,
  messageId,
  users: {},
})

/** `maxEmojis` bounds the different emojis of one message, not how many people use one. */
export const transitionReactions = (reactions: ReactionsBody, event: ReactionEvent, maxEmojis: number): ReactionTransition => {
  // Entries, not a lookup: an emoji is user text, and `constructor` must not find Object's.
  const entries = Object.entries(reactions.users)
  const users = entries.find(([emoji]) => emoji === event.emoji)?.[1] ?? []
  const has = users.includes(event.userId)
  if (has === (event.type === "added")) return { type: "unchanged" }
  if (event.type === "added" && users.length === 0 && entries.length >= maxEmojis) return { type: "refused" }
  const next = event.type === "added" ? [...users, event.userId] : users.filter((id) => id !== event.userId)
  const others = entries.filter(([emoji]) => emoji !== event.emoji)
  return {
    type: "changed",
    reactions: { ...reactions, users: Object.fromEntries(next.length === 0 ? others : [...others, [event.emoji, next]]) },
  }
}

/** What the wire shows of an emoji: how many, and the first of them. */
export const SHOWN_REACTORS = 20
