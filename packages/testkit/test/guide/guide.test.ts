import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"

const guide = readFileSync(join(import.meta.dirname, "../../../../docs/writing-an-adapter.md"), "utf8")
const blocks = [...guide.matchAll(/^```ts\n(.*?)^```$/gmsu)].map(([, code]) => code)

describe("docs/writing-an-adapter.md", () => {
  it("shows the adapter and the kit call that are tested here", () => {
    const files = ["thread-bus.ts", "thread-bus.conformance.test.ts"]
    expect(blocks).toEqual(files.map((file) => readFileSync(join(import.meta.dirname, file), "utf8")))
  })

  it("names every suite that the testkit exports, and only those", async () => {
    const kit = Object.keys(await import("@parley/testkit")).filter((name) => name.endsWith("Cases") && name !== "runCases")
    const named = new Set([...guide.matchAll(/`(\w+Cases)/gu)].map(([, name]) => name).filter((name) => name !== "runCases"))
    expect(named).toEqual(new Set(kit))
  })
})
