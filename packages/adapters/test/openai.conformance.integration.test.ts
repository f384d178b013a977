import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { aiProviderCases, AiScenarios, type FakeReply, fakeOpenAi } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"
import { APIS, providerOf, REQUEST } from "./openai-support.ts"

/** However the bytes of an answer are cut into pieces on their way, the answer is the same. */
const SPLITS: ReadonlyArray<readonly [string, FakeReply["split"]]> = [
  ["an event a write", undefined],
  ["1 byte a write", 1],
  ["37 bytes a write", 37],
  ["random writes, seed 1", { seed: 1 }],
  ["random writes, seed 2", { seed: 2 }],
  ["random writes, seed 3", { seed: 3 }],
]

const serving = (reply: FakeReply) =>
  Effect.acquireRelease(
    Effect.promise(() => fakeOpenAi({ reply })),
    (fake) => Effect.promise(fake.close),
  )

for (const api of APIS)
  for (const [how, split] of SPLITS)
    conformance(
      "AiProvider",
      aiProviderCases,
    )({
      name: `openai ${api}, ${how}`,
      can: { endless: true, fails: true, cut: true },
      layer: () =>
        Layer.effect(
          AiScenarios,
          Effect.gen(function* () {
            const bytes = split === undefined ? {} : { split }
            const answers = yield* serving({ ...bytes, extras: true })
            const endless = yield* serving({ ...bytes, fault: { type: "stall", before: 2 } })
            const fails = yield* serving({ ...bytes, fault: { type: "status", status: 503, code: "server_error" } })
            const cut = yield* serving({ ...bytes, fault: { type: "cut", after: 2 } })
            return {
              answers: providerOf(answers, { api }),
              request: REQUEST,
              endless: { provider: providerOf(endless, { api }), active: endless.active },
              fails: providerOf(fails, { api }),
              cut: providerOf(cut, { api }),
            }
          }),
        ),
    })
