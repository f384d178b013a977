import { expect, it, vi } from "vitest"
import { openaiProvider } from "@parley/adapters/openai"
import { listen } from "./openai-support.ts"

vi.mock("openai", () => {
  throw new Error("Cannot find package 'openai'")
})

it("says which package to install when the SDK is not there, and refuses only the answer", async () => {
  const provider = openaiProvider({ apiKey: "sk-1", model: "model-1" })
  const { events, error } = await listen(provider)
  expect(events).toEqual([])
  expect(error).toMatchObject({ class: "unusable", message: expect.stringContaining("openai could not be loaded; install it") })
})
