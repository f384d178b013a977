import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { memoryBus, memoryStorage } from "@parley/adapters/memory"
import { answerLeasesCases, conversationLogCases, eventBusCases, outboxCases } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"

const storage = { name: "memory", layer: memoryStorage }

conformance("ConversationLog", conversationLogCases)(storage)
conformance("AnswerLeases", answerLeasesCases)(storage)
conformance("Outbox", outboxCases)(storage)
// One case throws in a listener on purpose; what the bus reports of it is not for this log.
conformance("EventBus", eventBusCases)({ name: "memory", layer: () => Layer.provide(memoryBus(), Logger.layer([])) })
