import { describe, expect, it } from "vitest"
import { DEFAULT_LIMITS as limits, DEFAULT_TIMING as timing } from "../../src/policy/limits.ts"

describe("default limits fit together", () => {
  it("every bound is a positive whole number", () => {
    for (const [name, value] of Object.entries({ ...limits, ...timing }))
      expect(Number.isSafeInteger(value) && value > 0, name).toBe(true)
  })

  it("a message of the greatest length fits a frame, though every unit takes three bytes of UTF-8", () => {
    expect(3 * limits.maxMessageLength + limits.maxMetadataBytes).toBeLessThan(limits.maxFrameBytes)
  })

  it("a page fits the queue of a connection, so that reading on never counts as slow", () => {
    expect(2 * limits.pageBytes).toBeLessThanOrEqual(limits.maxQueuedBytes)
  })

  it("an owner renews several times within its lease, and often enough for a stop to be seen within a second", () => {
    expect(4 * timing.renewWhileIdle).toBeLessThan(timing.lease)
    expect(timing.renewWhileMoving).toBeLessThanOrEqual(timing.renewWhileIdle)
    expect(timing.renewWhileIdle).toBeLessThan(1_000)
  })

  it("heads are read often enough for lost access to be noticed within five seconds", () => {
    expect(2 * timing.headsInterval).toBeLessThan(5_000)
  })

  it("a healthy connection is not closed between two heartbeats", () => {
    expect(timing.pongTimeout).toBeGreaterThan(timing.heartbeatInterval)
    expect(timing.idleTimeout).toBeGreaterThan(timing.pongTimeout)
  })

  it("the timers of a provider lie inside its total, and a drain inside the 25 s that are promised", () => {
    for (const timer of [timing.aiConnectTimeout, timing.aiFirstTokenTimeout, timing.aiIdleTimeout])
      expect(timer).toBeLessThan(timing.aiTotalTimeout)
    expect(timing.drain).toBeLessThan(25_000)
  })
})
