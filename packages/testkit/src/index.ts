/**
 * `@parley/testkit`: conformance suites and whatever else proves an adapter. Loads no test runner; `@parley/testkit/vitest` does.
 */
export {
  type BusFault,
  type Command,
  ENDINGS,
  type History,
  history,
  type HistoryOptions,
  type ReaderEvent,
} from "./arbitraries/history.ts"
export {
  clientMessageId,
  conversationId,
  cursor,
  messageId,
  requestId,
  roomId,
  sessionId,
  tenant,
  userId,
} from "./arbitraries/ids.ts"
export { metadata, type Metadata, principal, refusedMetadata, sessionContext } from "./arbitraries/metadata.ts"
export {
  anyRequestFrame,
  refusedRequestFrame,
  REQUEST_FRAME_TYPES,
  requestFrame,
  type RequestFrame,
  type RequestFrameType,
} from "./arbitraries/requests.ts"
export { illFormedText, type TextOptions, wellFormedText } from "./arbitraries/text.ts"
export type { Case, Deviation, Subject } from "./conformance/case.ts"
export { runCases, type CaseResult } from "./conformance/run-cases.ts"
export {
  type FakeApi,
  type FakeFault,
  type FakeOpenAi,
  fakeOpenAi,
  type FakeOpenAiOptions,
  type FakeReply,
  type FakeRequest,
} from "./fake-openai/index.ts"
export { type BusFaults, type FaultyBus, faultyBus } from "./faults/faulty-bus.ts"
export type { AnswerText } from "./model/answer-text.ts"
export { ClientModel } from "./model/client-model.ts"
export { agree, checkLaw } from "./model/law.ts"
export { LogModel } from "./model/log-model.ts"
export { type HistoryReply, isModelFrame, type ModelFrame } from "./model/model-frame.ts"
export type { Violation, ViolationKind } from "./model/violation.ts"
export type { LoggedItem, WireItem } from "./model/wire-item.ts"
export { aiProviderCases, AiScenarios, type AiProviderCapability, type AiScenariosShape } from "./ports/ai-provider.ts"
export { authenticatorCases, type Credentials } from "./ports/authenticator.ts"
export { eventBusCases } from "./ports/event-bus.ts"
export { oneTimeKeysCases } from "./ports/one-time-keys.ts"
export { answerLeasesCases } from "./storage/leases/index.ts"
export type { StorageCapability, StorageCase, StorageServices } from "./storage/fixtures.ts"
export { conversationLogCases } from "./storage/log/index.ts"
export { outboxCases } from "./storage/outbox.ts"
