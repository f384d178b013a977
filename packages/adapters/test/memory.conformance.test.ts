import { memoryBus, memoryOneTimeKeys, memoryStorage } from "@parley/adapters/memory"
import { answerLeasesCases, conversationLogCases, eventBusCases, oneTimeKeysCases, outboxCases } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"

const storage = { name: "memory", layer: memoryStorage }

conformance("ConversationLog", conversationLogCases)(storage)
conformance("AnswerLeases", answerLeasesCases)(storage)
conformance("Outbox", outboxCases)(storage)
conformance("EventBus", eventBusCases)({ name: "memory", layer: memoryBus })
conformance("OneTimeKeys", oneTimeKeysCases)({ name: "memory", layer: memoryOneTimeKeys })
