import { expect, it } from "vitest"
import { describeError, makeLog } from "../src/logging.ts"

const NOON = new Date("2026-01-01T12:00:00.000Z")

const logged = (least: "debug" | "warn", use: (log: ReturnType<typeof makeLog>) => void) => {
  const lines: Array<string> = []
  use(
    makeLog(
      least,
      (line) => lines.push(line),
      () => NOON,
    ),
  )
  expect(lines.filter((line) => !/^[^\n]*\n$/u.test(line))).toEqual([])
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

it("writes what is important enough, with level, time and message first", () => {
  const lines = logged("warn", (log) => {
    log.write("info", "not this")
    log.write("warn", "this", { port: 1 })
  })
  expect(lines.map((line) => Object.entries(line))).toEqual([
    [
      ["level", "warn"],
      ["time", "2026-01-01T12:00:00.000Z"],
      ["message", "this"],
      ["port", 1],
    ],
  ])
})

it("makes one line of an entry of the engine: words, fields, annotations, cause", () => {
  const entry = {
    level: "ERROR",
    timestamp: "2026-01-01T00:00:00.000Z",
    message: ["request", "failed", { code: "internal", correlationId: "con_1.2" }],
    cause: "Error: x\n    at y",
    annotations: { room: "r" },
  }
  expect(logged("debug", (log) => log.entry(entry))).toEqual([
    {
      level: "error",
      time: entry.timestamp,
      message: "request failed",
      code: "internal",
      correlationId: "con_1.2",
      room: "r",
      cause: "Error: x\n    at y",
    },
  ])
})

it("does not lose an entry, nor the process, to a field that cannot be written", () => {
  const circular: Record<string, unknown> = {}
  circular["self"] = circular
  const lines = logged("debug", (log) => {
    log.write("warn", "circular", { circular })
    log.write("warn", "big", { big: 1n })
    log.write("warn", "error", { error: new TypeError("no") })
  })
  expect(lines).toEqual([
    { level: "warn", time: NOON.toISOString(), message: "circular", unwritable: true },
    { level: "warn", time: NOON.toISOString(), message: "big", unwritable: true },
    expect.objectContaining({ message: "error", error: expect.objectContaining({ error: "TypeError", reason: "no" }) }),
  ])
})

it("describes whatever was thrown", () => {
  expect(describeError(new RangeError("far"))).toMatchObject({ error: "RangeError", reason: "far" })
  expect(describeError({ _tag: "StorageError", message: "full" })).toEqual({ error: "object", reason: "full" })
  expect(describeError("text")).toEqual({ error: "string", reason: "text" })
  expect(describeError(undefined)).toEqual({ error: "undefined", reason: "unknown" })
})
