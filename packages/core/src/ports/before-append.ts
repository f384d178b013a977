/**
 * The host's look at what a user is about to say: before a message is stored, sent or edited, it may be changed or refused.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Json } from "../domain/item.ts"
import type { Principal } from "../domain/principal.ts"

export interface Draft {
  readonly principal: Principal
  readonly action: "send" | "edit"
  readonly conversation: string
  /** What is edited. */
  readonly messageId?: string
  readonly text: string
  readonly metadata?: { readonly [key: string]: Json }
}

export interface Rejected {
  /** For the user: why. */
  readonly reject: string
}

export interface BeforeAppendError {
  readonly _tag: "BeforeAppendError"
  /** For the log; no text of a user. */
  readonly message: string
}

export const beforeAppendError = (message: string): BeforeAppendError => ({ _tag: "BeforeAppendError", message })

/**
 * Contract:
 *
 * - Asked once for each message that a user sends or edits, after access and limits and before the commit. A repeat of a send is recognised
 *   before it and not shown again. Messages of the engine and of assistants are not shown.
 * - What it returns is stored: `text` and `metadata` of the draft count, other fields do not. It keeps the rules and limits of a message.
 * - `timeout` milliseconds, 200 by default; then, and when it fails, `onFailure` decides: `open` stores the draft as it was,
 *   `closed` (the default) refuses for now, as `host_unavailable`.
 * - Messages that a client has on their way at the same time may overtake one another in it. A client that waits for each reply keeps their order.
 */
export interface BeforeAppendShape {
  readonly check: (draft: Draft) => Effect.Effect<Draft | Rejected, BeforeAppendError>
  readonly timeout?: number
  readonly onFailure?: "open" | "closed"
}

export class BeforeAppend extends Context.Service<BeforeAppend, BeforeAppendShape>()("parley/BeforeAppend") {}
