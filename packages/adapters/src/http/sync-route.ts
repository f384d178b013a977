/** `GET sync`: poll and long-poll over the gateway's `sync`, and `GET messages`, the same for one session without waiting. */
import { createHash } from "node:crypto"
import type { IncomingMessage } from "node:http"
import * as Effect from "effect/Effect"
import type { Chat, ChatError, EngineError, Principal, SyncInput } from "@parley/core"
import type { Answer } from "./answer.ts"
import { isRefusal } from "./sync-query.ts"

const tagOf = (state: string): string => `"${createHash("sha256").update(state).digest("base64url").slice(0, 22)}"`

/** Weak comparison, RFC 9110 §13.1.2: a proxy that compressed the answer made its tag weak. */
const matches = (header: string | undefined, tag: string): boolean =>
  (header ?? "").split(",").some((entry) => entry.trim().replace(/^W\//, "") === tag)

export const answerSync = (
  chat: Chat,
  principal: Principal,
  request: IncomingMessage,
  input: SyncInput | ChatError,
): Effect.Effect<Answer, EngineError> =>
  Effect.gen(function* () {
    if (isRefusal(input)) return yield* Effect.fail(input)
    // Who waits here while the server leaves would be cut off; the client asks again, elsewhere.
    const { frames, state } = yield* chat.gateway.sync(principal, chat.gateway.draining() ? { ...input, wait: 0 } : input)
    const headers = { ETag: tagOf(state), "Cache-Control": "private, no-cache" }
    return frames.length === 0 && matches(request.headers["if-none-match"], headers.ETag)
      ? { status: 304, headers }
      : { status: 200, headers, body: { frames } }
  })
