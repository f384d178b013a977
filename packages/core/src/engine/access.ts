/**
 * Who may act here, now. Grants are kept in memory, so that a send needs no read before its commit; the commit carries the grant's
 * access version, and the store refuses it when anything was taken away since. Denials are never kept: a grant
 * given since would not show.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { ConversationHead } from "../domain/conversation.ts"
import { memberIdOf } from "../domain/ids.ts"
import type { Conversation, Item, Member } from "../domain/item.ts"
import type { Principal } from "../domain/principal.ts"
import { type Action, decideAccess, type Verdict } from "../policy/access.ts"
import type { ConversationLogShape } from "../ports/conversation-log.ts"
import type { StorageError } from "../ports/storage-error.ts"
import { type ChatError, chatError } from "../protocol/errors.ts"
import type { EngineError } from "./environment.ts"

/** What was read to decide: the conversation, the caller's place in it, and the version both were read at. */
export interface Grant {
  readonly accessVersion: number
  readonly conversation: Conversation
  readonly member: Member
}

/** A grant and the items asked for with it, of one consistent read. */
export interface Looked {
  readonly grant: Grant
  readonly head: ConversationHead
  readonly items: ReadonlyArray<Item | undefined>
}

export interface AccessCache {
  /** A grant that allows the action, without a read; `undefined` says nothing about access. */
  readonly peek: (principal: Principal, conversation: string, action: Action) => Grant | undefined
  /** Reads and decides. Callers who ask at the same time share one read and go on in the order they asked. */
  readonly grant: (principal: Principal, conversation: string, action: Action) => Effect.Effect<Grant, EngineError>
  /** Reads items with the decision, in one snapshot. */
  readonly look: (
    principal: Principal,
    conversation: string,
    action: Action,
    items: ReadonlyArray<string>,
  ) => Effect.Effect<Looked, EngineError>
  readonly forget: (principal: Principal, conversation: string) => void
}

export const refusal = (verdict: Exclude<Verdict, "allowed">, conversation: Conversation | undefined): ChatError => {
  switch (verdict) {
    case "hidden":
      return chatError("conversation_not_found")
    case "denied":
      return chatError("forbidden")
    case "muted":
      return chatError("muted")
    case "ended":
      return chatError(conversation?.status === "expired" ? "conversation_expired" : "conversation_closed")
  }
}

const MAX_GRANTS = 20_000

export const makeAccessCache = (log: ConversationLogShape): AccessCache => {
  /** In order of use: the first is the one to drop. */
  const grants = new Map<string, Grant>()
  const reads = new Map<string, Deferred.Deferred<Grant | undefined, StorageError>>()
  const keyOf = (principal: Principal, conversation: string): string =>
    `${principal.tenant}\n${conversation}\n${principal.userId}`

  const keep = (key: string, grant: Grant): void => {
    grants.delete(key)
    grants.set(key, grant)
    if (grants.size > MAX_GRANTS) grants.delete(grants.keys().next().value as string)
  }

  const read = (principal: Principal, conversation: string, items: ReadonlyArray<string>) =>
    Effect.map(
      log.get({ tenant: principal.tenant, conversation, items: [conversation, memberIdOf(principal.userId), ...items] }),
      (snapshot) => {
        if (snapshot === undefined) return undefined
        const [body, member, ...rest] = snapshot.items
        if (body?.kind !== "conversation" || member?.kind !== "member") return undefined
        const grant: Grant = { accessVersion: snapshot.head.accessVersion, conversation: body, member }
        keep(keyOf(principal, conversation), grant)
        return { grant, head: snapshot.head, items: rest }
      },
    )

  const judge = (grant: Grant | undefined, action: Action): ChatError | undefined => {
    if (grant === undefined) return refusal("hidden", undefined)
    const verdict = decideAccess(grant.conversation, grant.member, action)
    return verdict === "allowed" ? undefined : refusal(verdict, grant.conversation)
  }

  const shared = (principal: Principal, conversation: string): Effect.Effect<Grant | undefined, StorageError> =>
    Effect.suspend(() => {
      const key = keyOf(principal, conversation)
      const running = reads.get(key)
      if (running !== undefined) return Deferred.await(running)
      const deferred = Deferred.makeUnsafe<Grant | undefined, StorageError>()
      reads.set(key, deferred)
      // In a fiber of its own: others wait for this read, whatever becomes of the one who began it. It starts once that one waits like
      // them, the first in the row.
      return Effect.andThen(
        Effect.forkDetach(
          Effect.onExit(
            Effect.map(read(principal, conversation, []), (looked) => looked?.grant),
            (exit) => {
              reads.delete(key)
              return Deferred.done(deferred, exit)
            },
          ),
        ),
        Deferred.await(deferred),
      )
    })

  return {
    peek: (principal, conversation, action) => {
      const grant = grants.get(keyOf(principal, conversation))
      return grant !== undefined && judge(grant, action) === undefined ? grant : undefined
    },
    grant: (principal, conversation, action) =>
      Effect.flatMap(shared(principal, conversation), (grant) => {
        const error = judge(grant, action)
        return error === undefined ? Effect.succeed(grant as Grant) : Effect.fail(error)
      }),
    look: (principal, conversation, action, items) =>
      Effect.flatMap(read(principal, conversation, items), (looked) => {
        const error = judge(looked?.grant, action)
        return error === undefined ? Effect.succeed(looked as Looked) : Effect.fail(error)
      }),
    forget: (principal, conversation) => void grants.delete(keyOf(principal, conversation)),
  }
}
