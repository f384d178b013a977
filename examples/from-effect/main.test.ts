import { spawnSync } from "node:child_process"
import { expect, it } from "vitest"

it("asks, reads the answer, and catches what is refused by its tag", () => {
  const program = new URL("main.ts", import.meta.url).pathname
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 60_000 })
  expect([status, stderr]).toEqual([0, ""])
  expect(stdout).toBe("2 messages\nben: conversation_not_found\n")
}, 60_000)
