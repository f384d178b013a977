/**
 * Hints between nodes, and inside one: something changed, look. The log stays the truth, so an event may be lost,
 * repeated or reordered without harm.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Item } from "../domain/item.ts"

/** A piece of an answer's text, at an offset in UTF-16 code units; overlap with what a reader has is ignored. */
export interface AnswerDelta {
  readonly answer: string
  readonly revision: number
  readonly part: number
  readonly offset: number
  readonly text: string
}

export type BusEvent =
  /** Change `change` happened. Without a body (a bus may drop large ones) the receiver reads the log. */
  | {
      readonly type: "change"
      readonly tenant: string
      readonly conversation: string
      readonly epoch: string
      readonly change: number
      readonly item?: Item
    }
  | { readonly type: "delta"; readonly tenant: string; readonly conversation: string; readonly delta: AnswerDelta }
  /** The conversation was erased. */
  | { readonly type: "erased"; readonly tenant: string; readonly conversation: string }
  /** An answer waits for an owner: whoever generates may look now instead of at the next poll. */
  | { readonly type: "answers" }

export interface BusListener {
  readonly onEvent: (event: BusEvent) => void
  /** The bus may have lost events: read heads now. */
  readonly onGap: () => void
}

export interface BusSubscription {
  /** Ask for a conversation's events. Events of others may come too and are ignored. Counted: as many `unfollow` end it. */
  readonly follow: (tenant: string, conversation: string) => void
  readonly unfollow: (tenant: string, conversation: string) => void
}

/**
 * Contract:
 *
 * - `publish` returns at once, never throws, and never waits for a network: it stands on the hot path of every send. It reaches every listener
 *   of every node that follows the conversation, the publisher's own included, usually once.
 * - Listeners are called one event at a time and must not throw; one that does is not called twice for the event and
 *   does not keep it from others.
 * - A listener gets nothing after its scope closed.
 */
export interface EventBusShape {
  readonly publish: (event: BusEvent) => void
  readonly subscribe: (listener: BusListener) => Effect.Effect<BusSubscription, never, Scope.Scope>
}

export class EventBus extends Context.Service<EventBus, EventBusShape>()("parley/EventBus") {}
