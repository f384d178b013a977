import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"

const here = (path: string) => new URL(path, import.meta.url)

it("prints an answer and ends", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [here("main.ts").pathname], {
    encoding: "utf8",
    timeout: 60_000,
  })
  expect([status, stderr]).toEqual([0, ""])
  expect(stdout).toContain("Parley is a chat engine")
}, 60_000)

it("is what the README shows", () => {
  expect(readFileSync(here("../../README.md"), "utf8")).toContain(`\`\`\`ts\n${readFileSync(here("main.ts"), "utf8")}\`\`\``)
})
