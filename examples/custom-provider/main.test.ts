import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import * as Layer from "effect/Layer"
import { plainProvider } from "@parley/core"
import { aiProviderCases, AiScenarios } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"
import { expect, it } from "vitest"
import { spellingProvider } from "./spelling-provider.ts"

const here = (path: string) => new URL(path, import.meta.url)

it("answers, and is stopped in mid-answer", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [here("main.ts").pathname], {
    encoding: "utf8",
    timeout: 60_000,
  })
  expect([status, stderr]).toEqual([0, ""])
  expect(stdout).toBe("complete H-E-L-L-O-\nstopped A- -V-E-R-\n")
}, 60_000)

it("is short", () => {
  expect(readFileSync(here("spelling-provider.ts"), "utf8").split("\n").length).toBeLessThanOrEqual(40)
})

conformance(
  "AiProvider",
  aiProviderCases,
)({
  name: "spelling",
  can: { fails: true },
  layer: () =>
    Layer.succeed(AiScenarios, {
      answers: plainProvider(spellingProvider(1)),
      request: { system: "", messages: [{ role: "user", text: "Hello" }], requestId: "r-1" },
      fails: {
        name: "spelling",
        stream: () => plainProvider(spellingProvider()).stream({ system: "", messages: [], requestId: "r-2" }),
      },
    }),
})
