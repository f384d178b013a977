/** Ends sessions nobody sent to for a long time. Any number of nodes may sweep: the commit's compare-and-swap lets one of them win. */
import * as Effect from "effect/Effect"
import { bodyOf, endConversation } from "../domain/conversation.ts"
import type { EngineError, Environment } from "./environment.ts"
import { commitAndAnnounce } from "./write.ts"

const BATCH = 100

/** How many sessions this sweep expired. */
export const sweepSessions = (env: Environment): Effect.Effect<number, EngineError> =>
  Effect.gen(function* () {
    const idle = yield* env.log.idle({ type: "session", idleMs: env.timing.sessionExpiry, limit: BATCH })
    let expired = 0
    for (const { tenant, conversation } of idle) {
      const snapshot = yield* env.log.get({ tenant, conversation, items: [conversation] })
      const body = snapshot?.items[0]
      if (body?.kind !== "conversation") continue
      const ended = endConversation(bodyOf(body), { type: "expired" })
      if (!ended.ok) continue
      const outcome = yield* commitAndAnnounce(env, {
        tenant,
        conversation,
        revokes: true,
        puts: [{ item: ended.body, was: body.change }],
        outbox: [{ type: "conversation_expired" }],
      })
      if (outcome.outcome === "ok") expired += 1
    }
    return expired
  })
