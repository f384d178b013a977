/**
 * The access cache of a chat whose host has a say. Without an authorizer nothing of this runs; with one, a grant in memory still saves the read.
 */
import * as Effect from "effect/Effect"
import type { Conversation, Member } from "../domain/item.ts"
import type { Principal } from "../domain/principal.ts"
import { type Action, decideAccess, type Verdict } from "../policy/access.ts"
import type { AuthorizerShape, Ruling } from "../ports/authorizer.ts"
import { type ChatError, chatError } from "../protocol/errors.ts"
import { type AccessCache, refusal } from "./access.ts"
import type { EngineError, Environment } from "./environment.ts"

export type Decide = (conversation: Conversation, member: Member | undefined, action: Action) => Verdict

const TIMEOUT = 1_000

const ask = (
  authorizer: AuthorizerShape,
  principal: Principal,
  conversation: string,
  action: Action,
): Effect.Effect<Ruling, ChatError> =>
  authorizer.authorize({ principal, action, conversation }).pipe(
    Effect.timeoutOrElse({
      duration: TIMEOUT,
      orElse: () => Effect.fail({ message: `no ruling within ${TIMEOUT} ms` }),
    }),
    Effect.catch(({ message }) =>
      Effect.andThen(
        Effect.logWarning("the authorizer could not tell", { action, reason: message }),
        Effect.fail(chatError("host_unavailable")),
      ),
    ),
  )

/** What the table says under a ruling. `allow` lends a member the rights of an owner; what no owner may, nobody is lent. */
const decideUnder =
  (ruling: Ruling): Decide =>
  (conversation, member, action) => {
    if (ruling === "default" || member === undefined) return decideAccess(conversation, member, action)
    const { muted: _muted, ...unmuted } = member
    const verdict = decideAccess(conversation, { ...unmuted, role: "owner" }, action)
    if (ruling === "allow" || verdict === "hidden") return verdict
    return action === "read" ? "hidden" : "denied"
  }

/** For use cases that decide on more than one action, or on one that depends on what they read: asks about all of them first. */
export const withRulings = <A>(
  { authorizer }: Environment,
  principal: Principal,
  conversation: string,
  actions: ReadonlyArray<Action>,
  use: (decide: Decide) => Effect.Effect<A, EngineError>,
): Effect.Effect<A, EngineError> =>
  authorizer === undefined
    ? use(decideAccess)
    : Effect.flatMap(
        Effect.forEach(actions, (action) => ask(authorizer, principal, conversation, action), { concurrency: "unbounded" }),
        (rulings) =>
          use((body, member, action) => decideUnder(rulings[actions.indexOf(action)] ?? "default")(body, member, action)),
      )

export const authorizedAccess = (access: AccessCache, authorizer: AuthorizerShape): AccessCache => ({
  // Says nothing about access: the authorizer is asked in `grant`, which peeks for itself.
  peek: () => undefined,
  grant: (principal, conversation, action) =>
    Effect.flatMap(ask(authorizer, principal, conversation, action), (ruling) => {
      const known = ruling === "deny" ? undefined : access.peek(principal, conversation, action)
      if (known !== undefined) return Effect.succeed(known)
      if (ruling === "default") return access.grant(principal, conversation, action)
      return Effect.flatMap(access.grant(principal, conversation, "read"), (grant) => {
        const verdict = decideUnder(ruling)(grant.conversation, grant.member, action)
        return verdict === "allowed" ? Effect.succeed(grant) : Effect.fail(refusal(verdict, grant.conversation))
      })
    }),
  look: (principal, conversation, action, items) =>
    Effect.flatMap(ask(authorizer, principal, conversation, action), (ruling) =>
      ruling === "default"
        ? access.look(principal, conversation, action, items)
        : Effect.flatMap(access.look(principal, conversation, "read", items), (looked) => {
            const { grant } = looked
            const verdict = decideUnder(ruling)(grant.conversation, grant.member, action)
            return verdict === "allowed" ? Effect.succeed(looked) : Effect.fail(refusal(verdict, grant.conversation))
          }),
    ),
  forget: access.forget,
})
