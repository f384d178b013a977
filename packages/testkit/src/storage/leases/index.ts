/** The suite of AnswerLeases. */
import type { StorageCase } from "../fixtures.ts"
import { ownerCases } from "./owners.ts"
import { rowCases } from "./rows.ts"

export const answerLeasesCases: ReadonlyArray<StorageCase> = [...rowCases, ...ownerCases]
