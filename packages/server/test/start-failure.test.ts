import { expect, it } from "vitest"
import { parseConfig } from "../src/config.ts"
import { explainStartFailure } from "../src/start-failure.ts"

const parsed = parseConfig({ PORT: "81", HOST: "127.0.0.2", PARLEY_DATA_DIR: "/srv/chat" })
if (!parsed.ok) throw new Error(parsed.problems.join())
const explain = (error: unknown) => explainStartFailure(error, parsed.config)

it.each([
  [{ code: "EADDRINUSE" }, /Port 81 on 127\.0\.0\.2 is in use.*PORT/u],
  [{ code: "EACCES" }, /Port 81 .*may not be opened.*1023/u],
  [{ code: "EADDRNOTAVAIL" }, /no address 127\.0\.0\.2.*HOST/u],
  [{ code: "ENOTFOUND" }, /does not resolve.*HOST/u],
  [{ _tag: "StorageError", message: "disk\n  full" }, /\/srv\/chat cannot be used: disk full.*PARLEY_DATA_DIR/u],
])("says in one line what to do about %o", (error, line) => {
  expect(explain(error)).toMatch(line)
  expect(explain(error)).not.toContain("\n")
})

it("leaves what nobody foresaw to the log, with its stack", () => {
  for (const error of [new Error("bug"), "text", undefined, null]) expect(explain(error)).toBeUndefined()
})
