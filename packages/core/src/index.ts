/** The public face of `@parley/core`. */
export * from "./domain/index.ts"
export * from "./policy/access.ts"
export * from "./policy/limits.ts"
export * from "./ports/ai-provider.ts"
export * from "./ports/answer-leases.ts"
export * from "./ports/authenticator.ts"
export * from "./ports/authorizer.ts"
export * from "./ports/before-append.ts"
export * from "./ports/conversation-log.ts"
export * from "./ports/event-bus.ts"
export * from "./ports/one-time-keys.ts"
export * from "./ports/outbox.ts"
export * from "./ports/storage-error.ts"
export * from "./ports/user-directory.ts"
export * from "./system.ts"
export * from "./protocol/index.ts"
export * from "./engine/assemble.ts"
export type { ChatEngine } from "./engine/chat-engine.ts"
export { noTokens, Parley } from "./engine/parley.ts"
export type { EngineError } from "./engine/environment.ts"
export {
  type ChatOptions,
  type Chat,
  chatOf,
  createChat,
  type LogEntry,
  type PrincipalInput,
  type StorageLayer,
} from "./facade/create-chat.ts"
export type { ConversationFrame, SubscribeOptions } from "./facade/frame-stream.ts"
export type { FactsOptions } from "./facade/facts.ts"
export { ParleyError } from "./facade/parley-error.ts"
export type { PlainAuthorizer } from "./facade/plain-authorizer.ts"
export type { PlainBeforeAppend, PlainCheck } from "./facade/plain-before-append.ts"
export type { PlainBus, PlainBusSubscription } from "./facade/plain-bus.ts"
export { type AnyAiProvider, type HostAbortSignal, type PlainAiProvider, plainProvider } from "./facade/plain-provider.ts"
export { type PlainPort, type PlainStorage, plainStorage } from "./facade/plain-storage.ts"
export type { PlainUserDirectory } from "./facade/plain-user-directory.ts"
export type { SentMessage, SendOptions, UserChat } from "./facade/user-chat.ts"
export type { Batch } from "./gateway/batch.ts"
export { authenticationProblem, type Connection } from "./gateway/connection.ts"
export { isConnectionBound, reportError } from "./gateway/dispatch.ts"
export { TICKET_TTL, type Tickets, type Whence } from "./gateway/tickets.ts"
export { makeLocalBus } from "./engine/local-bus.ts"
export { makeLocalKeys } from "./engine/local-keys.ts"
export type { Gateway } from "./gateway/gateway.ts"
export type { Sink } from "./gateway/sink.ts"
export type { Synced, SyncInput } from "./gateway/sync.ts"
