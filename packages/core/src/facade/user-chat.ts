/** Everything one user can do, as functions that return promises. */
import type * as Effect from "effect/Effect"
import type { Listing, Listings } from "../engine/conversations.ts"
import type { ChatEngine } from "../engine/chat-engine.ts"
import type { EngineError } from "../engine/environment.ts"
import type { History } from "../engine/read.ts"
import type { AnswerState } from "../domain/answer.ts"
import type { Json, SessionContext } from "../domain/item.ts"
import type { Principal } from "../domain/principal.ts"
import type { Gateway } from "../gateway/gateway.ts"
import type { InputOf } from "../protocol/requests.ts"
import type { SystemShape } from "../system.ts"
import { type ConversationFrame, subscribeFrames, type SubscribeOptions } from "./frame-stream.ts"

export interface SendOptions {
  /** Repeat a send whose outcome is unknown with the same one: it is stored once. Made up when absent. */
  readonly clientMessageId?: string
  readonly replyTo?: string
  readonly metadata?: { readonly [key: string]: Json }
  readonly type?: Exclude<InputOf<"send_message">["messageType"], undefined>
}

export interface SentMessage {
  readonly messageId: string
  readonly seq: number
  readonly change: number
  /** The answer that was begun with it, in a session. */
  readonly answerId?: string
}

/** Where a change stands in the log. */
export interface ChangedItem {
  readonly itemId: string
  readonly change: number
}

export interface UserChat {
  readonly createSession: (input?: {
    readonly name?: string
    readonly context?: SessionContext
  }) => Promise<{ readonly id: string }>
  readonly createRoom: (input: {
    readonly type: "private" | "direct"
    readonly name?: string
    readonly description?: string
    readonly invite?: ReadonlyArray<string>
  }) => Promise<{ readonly id: string }>
  readonly list: (input?: {
    readonly kind?: "session" | "room"
    readonly limit?: number
    readonly after?: string
  }) => Promise<Listings>
  readonly get: (conversationId: string) => Promise<Listing>
  readonly update: (conversationId: string, input: Omit<InputOf<"update_conversation">, "conversationId">) => Promise<ChangedItem>
  readonly join: (roomId: string) => Promise<ChangedItem>
  readonly leave: (roomId: string) => Promise<ChangedItem>
  readonly close: (conversationId: string) => Promise<ChangedItem>
  /** Erases it with everything in it. */
  readonly deleteConversation: (conversationId: string) => Promise<void>
  readonly send: (conversationId: string, text: string, options?: SendOptions) => Promise<SentMessage>
  /** `base` is the change of the version that is edited. */
  readonly edit: (conversationId: string, messageId: string, base: number, text: string) => Promise<ChangedItem>
  readonly delete: (conversationId: string, messageId: string) => Promise<ChangedItem>
  readonly react: (
    conversationId: string,
    messageId: string,
    emoji: string,
    options?: { readonly remove?: boolean },
  ) => Promise<ChangedItem>
  readonly stop: (conversationId: string, answerId: string) => Promise<ChangedItem & { readonly state: AnswerState }>
  /** The new answer's id is `itemId`. */
  readonly regenerate: (conversationId: string, answerId: string) => Promise<ChangedItem>
  /** The newest page without `before`. */
  readonly history: (conversationId: string, input?: { readonly before?: number; readonly limit?: number }) => Promise<History>
  /**
   * What a remote client would see, from a cursor or a window on, for as long as one iterates.
   *
   * @example
   * for await (const frame of me.subscribe(id)) if (frame.type === "new_message") console.log(frame.item)
   */
  readonly subscribe: (conversationId: string, options?: SubscribeOptions) => AsyncIterableIterator<ConversationFrame>
}

export const makeUserChat = (
  principal: Principal,
  engine: ChatEngine,
  gateway: Gateway,
  system: SystemShape,
  run: <A>(task: Effect.Effect<A, EngineError>) => Promise<A>,
): UserChat => ({
  createSession: async (input = {}) => ({ id: (await run(engine.createSession(principal, input))).conversationId }),
  createRoom: async ({ type, invite, ...rest }) => ({
    id: (await run(engine.createRoom(principal, { ...rest, roomType: type, ...(invite === undefined ? {} : { invite }) })))
      .conversationId,
  }),
  list: (input = {}) => run(engine.listConversations(principal, input)),
  get: async (conversationId) => (await run(engine.listConversations(principal, { conversationId }))).conversations[0] as Listing,
  update: (conversationId, input) => run(engine.updateConversation(principal, { ...input, conversationId })),
  join: (conversationId) => run(engine.joinRoom(principal, { conversationId })),
  leave: (conversationId) => run(engine.leaveRoom(principal, { conversationId })),
  close: (conversationId) => run(engine.closeConversation(principal, { conversationId })),
  deleteConversation: async (conversationId) => void (await run(engine.deleteConversation(principal, { conversationId }))),
  send: async (conversationId, text, { clientMessageId, type, ...rest } = {}) => {
    const sent = await run(
      engine.sendMessage(principal, {
        ...rest,
        conversationId,
        text,
        clientMessageId: clientMessageId ?? system.randomId(""),
        ...(type === undefined ? {} : { messageType: type }),
      }),
    )
    return {
      messageId: sent.itemId,
      seq: sent.seq as number,
      change: sent.change,
      ...(sent.answer === undefined ? {} : { answerId: sent.answer.itemId }),
    }
  },
  edit: (conversationId, messageId, base, text) => run(engine.editMessage(principal, { conversationId, messageId, base, text })),
  delete: (conversationId, messageId) => run(engine.deleteMessage(principal, { conversationId, messageId })),
  react: (conversationId, messageId, emoji, { remove = false } = {}) =>
    run(engine.react(principal, { conversationId, messageId, emoji, remove })),
  stop: (conversationId, messageId) => run(engine.stopAnswer(principal, { conversationId, messageId })),
  regenerate: (conversationId, messageId) => run(engine.regenerateAnswer(principal, { conversationId, messageId })),
  history: (conversationId, input = {}) => run(engine.getHistory(principal, { ...input, conversationId })),
  subscribe: (conversationId, options = {}) => subscribeFrames(gateway, principal, conversationId, options),
})
