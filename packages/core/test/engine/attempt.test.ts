/** One call of a provider that does everything its contract forbids. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { makeAnswerText } from "../../src/engine/answers/answer-text.ts"
import { type Heard, runAttempt } from "../../src/engine/answers/attempt.ts"
import type { AttemptEnd } from "../../src/engine/answers/judge.ts"
import { DEFAULT_TIMING } from "../../src/policy/limits.ts"
import { type AiError, type AiEvent, type AiProvider } from "../../src/ports/ai-provider.ts"
import { type AiCall, scriptedAi } from "../support/scripted-ai.ts"
import { makeSimulation } from "../support/simulation.ts"

type Ended = { readonly end: AttemptEnd; readonly heard: Heard }

const begin = (provider?: AiProvider, keep: () => "held" | "stopping" | "lost" = () => "held") => {
  const sim = makeSimulation(1)
  const calls: Array<AiCall> = []
  const text = makeAnswerText({ maxLength: 1_000, maxDelta: 100 })
  const signal = Deferred.makeUnsafe<"stopped" | "lost">()
  const emitted: Array<string> = []
  const fiber: Fiber.Fiber<Ended> = sim.process().fork(
    runAttempt({
      provider: provider ?? scriptedAi("scripted", (call) => calls.push(call)),
      request: { system: "s", messages: [{ role: "user", text: "?" }], requestId: "r" },
      timing: DEFAULT_TIMING,
      begun: sim.now(),
      text,
      emit: () => {
        for (let piece = text.take(); piece !== undefined; piece = text.take()) emitted.push(piece.text)
      },
      keep: Effect.sync(keep),
      signal,
    }),
  )
  sim.settle()
  return {
    sim,
    text,
    signal,
    emitted,
    call: () => calls[0] as AiCall,
    end: (): AttemptEnd | undefined => {
      const exit = fiber.pollUnsafe()
      return exit !== undefined && Exit.isSuccess(exit) ? exit.value.end : undefined
    },
    heard: () => {
      const exit = fiber.pollUnsafe()
      return exit !== undefined && Exit.isSuccess(exit) ? exit.value.heard : undefined
    },
  }
}
const provider = (stream: Stream.Stream<AiEvent, AiError>): AiProvider => ({ name: "odd", stream: () => stream })
const STARTED: AiEvent = { type: "started" }

describe("a provider that is silent", () => {
  const { aiConnectTimeout, aiFirstTokenTimeout, aiIdleTimeout, aiTotalTimeout, deltaInterval } = DEFAULT_TIMING
  const endsWith = (attempt: ReturnType<typeof begin>, after: number, timer: string): void => {
    attempt.sim.advance(after - 1)
    expect(attempt.end()).toBeUndefined()
    attempt.sim.advance(deltaInterval + 1)
    expect(attempt.end()).toEqual({ type: "timeout", timer })
    attempt.sim.advance(0)
    expect(attempt.call().released()).toBe(true)
  }

  it("before it accepts is given up after the connect timeout", () => endsWith(begin(), aiConnectTimeout, "connect"))

  it("before its first word is given up after the first-token timeout, whatever else it says", () => {
    const attempt = begin()
    attempt.call().emit(STARTED)
    attempt.sim.advance(aiFirstTokenTimeout / 2)
    attempt.call().emit({ type: "usage", usage: { inputTokens: 3 } }, { type: "text", text: "" })
    endsWith(attempt, aiFirstTokenTimeout / 2, "first_token")
  })

  it("between words is given up after the idle timeout", () => {
    const attempt = begin()
    attempt.call().emit(STARTED)
    attempt.call().text("one")
    attempt.sim.advance(aiIdleTimeout - 100)
    attempt.call().text("two")
    endsWith(attempt, aiIdleTimeout, "idle")
    expect(attempt.text.text()).toBe("onetwo")
  })

  it("never, but endless, is given up after the total timeout", () => {
    const attempt = begin()
    attempt.call().emit(STARTED)
    for (let passed = 0; passed < aiTotalTimeout - 1_000; passed += 1_000) {
      attempt.call().text(".")
      attempt.sim.advance(1_000)
    }
    attempt.call().text(".")
    endsWith(attempt, 1_000, "total")
  })
})

describe("a stream that ends", () => {
  it("with its terminal marker is finished, and whatever comes after it is not heard", () => {
    const attempt = begin()
    attempt.call().emit({ type: "started", model: "m1" })
    attempt.call().text("all")
    attempt.call().emit({ type: "usage", usage: { outputTokens: 1 } }, { type: "finished", reason: "stop", model: "m2" })
    attempt.call().text(" and more")
    attempt.call().emit({ type: "finished", reason: "length" }, { type: "usage", usage: { outputTokens: 99 } })
    attempt.sim.advance(200)
    expect(attempt.end()).toEqual({ type: "finished", reason: "stop" })
    expect(attempt.heard()).toMatchObject({ model: "m2", usage: { outputTokens: 1 } })
    expect(attempt.text.text()).toBe("all")
  })

  it("without its terminal marker is cut, never finished", () => {
    for (const events of [[], [STARTED], [STARTED, { type: "text", text: "half" } as const]]) {
      const attempt = begin()
      attempt.call().emit(...events)
      attempt.call().cut()
      attempt.sim.advance(100)
      expect(attempt.end()).toEqual({ type: "cut" })
    }
  })

  it("by a failure ends with its class", () => {
    const attempt = begin()
    attempt.call().fail("throttled")
    attempt.sim.advance(100)
    expect(attempt.end()).toMatchObject({ type: "error", class: "throttled" })
  })

  it("by a throw, at once or in the middle, is the provider's own fault and nobody else's", () => {
    const thrown = () => {
      throw new Error("a bug of the provider")
    }
    const odd: ReadonlyArray<AiProvider> = [
      provider(Stream.fromEffect(Effect.sync(thrown))),
      provider(Stream.concat(Stream.make(STARTED), Stream.die("boom"))),
      provider(Stream.map(Stream.make(STARTED, STARTED), thrown)),
      { name: "throws", stream: thrown },
    ]
    for (const one of odd) {
      const attempt = begin(one)
      attempt.sim.advance(100)
      expect(attempt.end()).toMatchObject({ type: "error", class: "transient" })
    }
  })

  it("because its text is full is finished at the bound, and let go of", () => {
    const attempt = begin()
    attempt.call().emit(STARTED)
    attempt.call().text("x".repeat(999))
    attempt.call().text("😀yz")
    attempt.sim.advance(100)
    expect(attempt.end()).toEqual({ type: "finished", reason: "length" })
    expect(attempt.text.text()).toBe("x".repeat(999))
    expect(attempt.call().released()).toBe(true)
  })
})

describe("an attempt", () => {
  it("shows the first words at once, and joins those that follow", () => {
    const attempt = begin()
    attempt.call().emit(STARTED)
    attempt.call().text("first")
    attempt.sim.settle()
    expect(attempt.emitted).toEqual(["first"])
    for (const word of [" a", " b", " c"]) attempt.call().text(word)
    attempt.sim.settle()
    expect(attempt.emitted).toEqual(["first"])
    attempt.sim.advance(DEFAULT_TIMING.deltaInterval)
    expect(attempt.emitted).toEqual(["first", " a b c"])
  })

  it("ends at once when it is stopped from outside", () => {
    const attempt = begin()
    Deferred.doneUnsafe(attempt.signal, Effect.succeed("stopped" as const))
    attempt.sim.settle()
    expect(attempt.end()).toEqual({ type: "stopped" })
    expect(attempt.call().released()).toBe(true)
  })

  it("ends with the next tick when the lease says so", () => {
    for (const [lease, type] of [
      ["stopping", "stopped"],
      ["lost", "lost"],
    ] as const) {
      const attempt = begin(undefined, () => lease)
      attempt.call().text("word")
      attempt.sim.advance(DEFAULT_TIMING.deltaInterval)
      expect(attempt.end()).toEqual({ type })
      attempt.call().text(" late")
      attempt.sim.advance(1_000)
      expect(attempt.emitted.join("")).toBe("word")
    }
  })

  it("is not held up by a provider that hangs when it is let go of", () => {
    const stuck = provider(Stream.ensuring(Stream.concat(Stream.make(STARTED), Stream.never), Effect.never))
    const attempt = begin(stuck)
    Deferred.doneUnsafe(attempt.signal, Effect.succeed("stopped" as const))
    attempt.sim.advance(1_000)
    expect(attempt.end()).toEqual({ type: "stopped" })
  })

  it("repairs what sources say, and keeps their order", () => {
    const attempt = begin()
    attempt.call().emit({ type: "source", source: { type: "source", title: "a\0b\ud83d", uri: "https://x/\0" } })
    attempt.call().emit({ type: "source", source: { type: "source", title: "second", uri: "https://y/" } })
    attempt.call().finish()
    attempt.sim.advance(100)
    expect(attempt.heard()?.sources).toEqual([
      { type: "source", title: "ab\ufffd", uri: "https://x/" },
      { type: "source", title: "second", uri: "https://y/" },
    ])
  })
})
