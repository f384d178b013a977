import { spawnSync } from "node:child_process"
import { plainStorage } from "@parley/core"
import { answerLeasesCases, conversationLogCases, outboxCases } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"
import { expect, it } from "vitest"
import { mapStore } from "./store.ts"

it("holds a conversation", () => {
  const program = new URL("main.ts", import.meta.url).pathname
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 60_000 })
  expect([status, stderr]).toEqual([0, ""])
  expect(stdout).toBe("Does it keep this?\nIn order, and once.\n")
}, 60_000)

const subject = { name: "maps", layer: () => plainStorage(mapStore()) }

conformance("ConversationLog", conversationLogCases)(subject)
conformance("AnswerLeases", answerLeasesCases)(subject)
conformance("Outbox", outboxCases)(subject)
