/** The suite of ConversationLog. */
import type { StorageCase } from "../fixtures.ts"
import { changesCases } from "./changes.ts"
import { eraseCases } from "./erase.ts"
import { historyCases } from "./history.ts"
import { idempotencyCases } from "./idempotency.ts"
import { isolationCases } from "./isolation.ts"
import { lifeCases } from "./life.ts"
import { memberCases } from "./members.ts"
import { numberCases } from "./numbers.ts"
import { outcomeCases } from "./outcomes.ts"
import { propertyCases } from "./properties.ts"
import { writerCases } from "./writers.ts"

export const conversationLogCases: ReadonlyArray<StorageCase> = [
  ...numberCases,
  ...writerCases,
  ...outcomeCases,
  ...idempotencyCases,
  ...changesCases,
  ...historyCases,
  ...memberCases,
  ...isolationCases,
  ...eraseCases,
  ...lifeCases,
  ...propertyCases,
]
