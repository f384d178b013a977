/**
 * `@parley/testkit`: conformance suites and whatever else proves an adapter. Loads no test runner; `@parley/testkit/vitest` does.
 */
export type { Case, Deviation, Subject } from "./conformance/case.ts"
export { runCases, type CaseResult } from "./conformance/run-cases.ts"
export { aiProviderCases, AiScenarios, type AiProviderCapability, type AiScenariosShape } from "./ports/ai-provider.ts"
export { authenticatorCases, type Credentials } from "./ports/authenticator.ts"
export { eventBusCases } from "./ports/event-bus.ts"
export { answerLeasesCases } from "./storage/answer-leases.ts"
export type { StorageCapability, StorageCase, StorageServices } from "./storage/fixtures.ts"
export { conversationLogCases } from "./storage/log/index.ts"
export { outboxCases } from "./storage/outbox.ts"
