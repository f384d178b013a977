import { memoryBus, memoryStorage } from "@parley/adapters/memory"
import { answerLeasesCases, conversationLogCases, eventBusCases, outboxCases } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"

const storage = { name: "memory", layer: memoryStorage }

conformance("ConversationLog", conversationLogCases)(storage)
conformance("AnswerLeases", answerLeasesCases)(storage)
conformance("Outbox", outboxCases)(storage)
conformance("EventBus", eventBusCases)({ name: "memory", layer: memoryBus })
