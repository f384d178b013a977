/**
 * The one way in which use cases write: commit, tell the bus, and give the outcome a meaning. Races are settled here: a moved access
 * version decides again, a moved item is read again.
 */
import * as Effect from "effect/Effect"
import type { Item } from "../domain/item.ts"
import type { Principal } from "../domain/principal.ts"
import type { Action } from "../policy/access.ts"
import type { Commit, CommitOutcome, Committed } from "../ports/conversation-log.ts"
import { type ChatError, chatError } from "../protocol/errors.ts"
import type { Looked } from "./access.ts"
import type { EngineError, Environment } from "./environment.ts"

/** What the reply of a change says. */
export interface Changed {
  readonly itemId: string
  readonly change: number
  readonly seq?: number
}

export const changedOf = (item: Item): Changed =>
  item.kind === "message" ? { itemId: item.id, seq: item.seq, change: item.change } : { itemId: item.id, change: item.change }

export const changedFrom = (committed: Committed): Changed => committed

/** Tells every node, this one included. After the commit and never awaited: the ack does not depend on it. */
const announce = (env: Environment, commit: Commit, outcome: CommitOutcome): void => {
  if (outcome.outcome !== "ok") return
  const { tenant, conversation } = commit
  if (commit.erase === true) return env.bus.publish({ type: "erased", tenant, conversation })
  for (const item of outcome.items)
    env.bus.publish({ type: "change", tenant, conversation, epoch: outcome.head.epoch, change: item.change, item })
  if (commit.leases?.some((lease) => lease.to === "open") === true) env.bus.publish({ type: "answers" })
}

export const commitAndAnnounce = (env: Environment, commit: Commit): Effect.Effect<CommitOutcome, EngineError> =>
  Effect.tap(env.log.commit(commit), (outcome) => Effect.sync(() => announce(env, commit, outcome)))

/** Others may move the same item again and again; after this many rounds the caller is told to come back. */
const MAX_ROUNDS = 32

/** What a decision on freshly read items leads to. */
export type Decision<A> =
  | {
      readonly type: "commit"
      readonly commit: Omit<Commit, "tenant" | "conversation" | "expectAccess">
      readonly result: (items: ReadonlyArray<Item>) => A
    }
  /** Nothing to write. */
  | { readonly type: "done"; readonly result: A }
  | { readonly type: "refuse"; readonly error: ChatError }

/**
 * Reads items and access in one snapshot, decides, commits, and starts over when either moved meanwhile.
 * `onConflict` may end the loop instead, for those who must not write over what they did not see.
 */
export const readDecideCommit = <A>(
  env: Environment,
  principal: Principal,
  conversation: string,
  action: Action,
  items: ReadonlyArray<string>,
  decide: (looked: Looked) => Decision<A>,
  onConflict?: (current: Item | undefined) => ChatError | undefined,
): Effect.Effect<A, EngineError> => {
  const round = (left: number): Effect.Effect<A, EngineError> =>
    Effect.flatMap(env.access.look(principal, conversation, action, items), (looked) => {
      const decision = decide(looked)
      if (decision.type === "done") return Effect.succeed(decision.result)
      if (decision.type === "refuse") return Effect.fail(decision.error)
      const commit: Commit = {
        ...decision.commit,
        tenant: principal.tenant,
        conversation,
        expectAccess: looked.grant.accessVersion,
      }
      return Effect.flatMap(commitAndAnnounce(env, commit), (outcome): Effect.Effect<A, EngineError> => {
        switch (outcome.outcome) {
          case "ok":
            return Effect.succeed(decision.result(outcome.items))
          case "conflict": {
            const error = onConflict?.(outcome.current)
            if (error !== undefined) return Effect.fail(error)
            return left === 0 ? Effect.fail(chatError("overloaded")) : round(left - 1)
          }
          case "stale_access":
            return left === 0 ? Effect.fail(chatError("overloaded")) : round(left - 1)
          case "missing":
            return Effect.fail(chatError(outcome.itemId === conversation ? "conversation_not_found" : "message_not_found"))
          case "room_full":
            return Effect.fail(chatError("room_full"))
          case "repeat":
          case "fenced":
            return Effect.die(
              new Error(`commit of ${action} came back as ${outcome.outcome}, though it carried neither key nor fence`),
            )
        }
      })
    })
  return round(MAX_ROUNDS)
}
