import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { AiProvider, AiRequest } from "@parley/core"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { aiProviderCases, AiScenarios } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"

/** A pace of an hour: after its first words the answer sends nothing and holds a timer until somebody ends it. */
const endless = () => {
  const slow = knowledgeAssistant({ paceMs: 3_600_000 })
  let active = 0
  const provider: AiProvider = {
    name: slow.name,
    stream: (request) =>
      Stream.suspend(() => {
        active += 1
        return slow.stream(request).pipe(Stream.ensuring(Effect.sync(() => (active -= 1))))
      }),
  }
  return { provider, active: () => active }
}

const request: AiRequest = {
  system: "",
  messages: [{ role: "user", text: "How do I resume after a lost connection?" }],
  requestId: "r-1",
}

conformance(
  "AiProvider",
  aiProviderCases,
)({
  name: "knowledge",
  can: { endless: true, fails: true },
  layer: () =>
    Layer.sync(AiScenarios, () => ({
      answers: knowledgeAssistant({ paceMs: 1 }),
      request,
      endless: endless(),
      fails: knowledgeAssistant({ directory: join(import.meta.dirname, "no-such-folder") }),
    })),
})
