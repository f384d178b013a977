import { afterAll } from "vitest"
import { sqliteStorage } from "@parley/adapters/sqlite"
import { answerLeasesCases, conversationLogCases, outboxCases } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"
import { removeDirectory, temporaryDirectory } from "./sqlite-support.ts"

const directories: Array<string> = []
afterAll(() => directories.forEach(removeDirectory))

const storage = {
  name: "sqlite",
  layer: () => {
    const directory = temporaryDirectory()
    directories.push(directory)
    return sqliteStorage({ directory })
  },
  can: { reopen: true },
}

conformance("ConversationLog", conversationLogCases)(storage)
conformance("AnswerLeases", answerLeasesCases)(storage)
conformance("Outbox", outboxCases)(storage)
