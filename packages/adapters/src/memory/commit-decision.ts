/**
 * Whether a commit may happen, decided on what the store holds before it. Pure: the order of the checks is the contract of
 * `ConversationLog`, and the first that applies is the outcome.
 */
import type { Commit, CommitKey, CommitOutcome, ConversationHead, Item } from "@parley/core"

/** What the decision looks at. */
export interface CommitView {
  /** `undefined` when there is no such conversation. */
  readonly head: ConversationHead | undefined
  /** The id belonged to a conversation that was erased. */
  readonly erased: boolean
  readonly item: (id: string) => Item | undefined
  /** The fence of an answer's lease row; `undefined` when there is none. */
  readonly fence: (answer: string) => number | undefined
  readonly repeat: (key: CommitKey) => Extract<CommitOutcome, { readonly outcome: "repeat" }> | undefined
}

export type Refusal = Exclude<CommitOutcome, { readonly outcome: "ok" }>

const creates = (commit: Commit): boolean => commit.puts.some((put) => put.item.kind === "conversation" && put.was === "new")

/** The outcome that stands in the way, or `undefined`: go ahead. */
export const refusalOf = (commit: Commit, view: CommitView): Refusal | undefined => {
  const repeat = commit.key === undefined ? undefined : view.repeat(commit.key)
  if (repeat !== undefined) return repeat

  const { head } = view
  if (head === undefined && (view.erased || !creates(commit))) return { outcome: "missing", itemId: commit.conversation }

  if (head !== undefined && commit.expectAccess !== undefined && commit.expectAccess !== head.accessVersion)
    return { outcome: "stale_access", accessVersion: head.accessVersion }

  if (commit.fence !== undefined && view.fence(commit.fence.answer) !== commit.fence.fence) return { outcome: "fenced" }

  for (const id of commit.requires ?? []) if (view.item(id) === undefined) return { outcome: "missing", itemId: id }

  for (const put of commit.puts) {
    const current = view.item(put.item.id)
    if (put.was !== (current?.change ?? "new")) return { outcome: "conflict", itemId: put.item.id, current }
  }

  if (commit.members !== undefined && isFull(commit.members, head?.members ?? 0)) return { outcome: "room_full" }
  return undefined
}

/** A room may stand above a maximum that was lowered later; leaving it is no reason for a refusal. */
const isFull = (members: { readonly delta: number; readonly max: number }, joined: number): boolean =>
  members.delta > 0 && joined + members.delta > members.max
