/**
 * An AI provider without Effect: an object with a name and a function that returns an async iterable. An async generator will do.
 *
 * An interruption (a stop, a time-out, a fail-over) aborts the signal first and then calls the iterator's `return`, and waits for neither.
 */
import * as Stream from "effect/Stream"
import type * as Effect from "effect/Effect"
import {
  AI_ERROR_CLASSES,
  type AiError,
  type AiErrorClass,
  aiError,
  type AiEvent,
  type AiProvider,
  type AiRequest,
} from "../ports/ai-provider.ts"

/** The host's own AbortSignal, by way of effect: core compiles without the host's types. */
export type HostAbortSignal = Parameters<Parameters<typeof Effect.callback<never>>[0]>[1]

// A global of every host; neither time nor chance comes from it.
declare const AbortController: new () => { readonly signal: HostAbortSignal; readonly abort: () => void }

/**
 * Contract: that of AiProvider. The iterable yields AiEvents, `finished` last. What it throws becomes an AiError: by its `class` when that is
 * one of the contract's (with `retryAfterMs`), else `transient`. Its message goes to the operator's log, so no key and no text may stand in it.
 *
 * @example
 * const shouter = {
 *   name: "shouter",
 *   async *stream({ messages }) {
 *     yield { type: "started" }
 *     yield { type: "text", text: messages.at(-1).text.toUpperCase() }
 *     yield { type: "finished", reason: "stop" }
 *   },
 * }
 */
export interface PlainAiProvider {
  /** Names the provider on answers and in logs: a short word. */
  readonly name: string
  readonly stream: (request: AiRequest, options: { readonly signal: HostAbortSignal }) => AsyncIterable<AiEvent>
}

/** A provider of either kind. One function type instead of a union of two, so that an inline generator finds the type of what it yields. */
export interface AnyAiProvider {
  readonly name: string
  readonly stream: (
    ...input: Parameters<PlainAiProvider["stream"]>
  ) => ReturnType<PlainAiProvider["stream"]> | ReturnType<AiProvider["stream"]>
}

/** Takes either kind, told apart by what `stream` returns. */
export const plainProvider = (provider: AnyAiProvider): AiProvider => ({
  name: provider.name,
  stream: (request) =>
    Stream.suspend(() => {
      const controller = new AbortController()
      try {
        const made = provider.stream(request, { signal: controller.signal })
        if (Stream.isStream(made)) return made
        const iterator = interruptible(made[Symbol.asyncIterator](), controller.abort.bind(controller))
        return Stream.fromAsyncIterable({ [Symbol.asyncIterator]: () => iterator }, aiErrorOf)
      } catch (cause) {
        return Stream.fail(aiErrorOf(cause))
      }
    }),
})

const interruptible = (iterator: AsyncIterator<AiEvent>, abort: () => void): AsyncIterator<AiEvent, undefined> => {
  let over = false
  return {
    next: async () => {
      try {
        const result = await iterator.next()
        if (result.done !== true) {
          if (isAiEvent(result.value)) return result
          letGo()
          throw aiError("transient", "the provider yielded something that is no event of the contract")
        }
      } catch (cause) {
        over = true
        throw cause
      }
      over = true
      return { done: true, value: undefined }
    },
    return: async () => {
      letGo()
      return { done: true, value: undefined }
    },
  }
  function letGo(): void {
    if (over) return
    over = true
    abort()
    // A generator that still waits for its next event returns only after that; what fails here concerns nobody any more.
    void (async () => iterator.return?.())().catch(() => undefined)
  }
}

const EVENT_TYPES: ReadonlySet<unknown> = new Set<AiEvent["type"]>(["started", "text", "source", "usage", "finished"])

/** What a missing type check would let through: no event at all, or text that is none. */
const isAiEvent = (event: AiEvent | null | undefined): event is AiEvent =>
  EVENT_TYPES.has(event?.type) && (event?.type !== "text" || typeof event.text === "string")

const aiErrorOf = (cause: unknown): AiError => {
  const thrown = (cause ?? {}) as { readonly class?: unknown; readonly message?: unknown; readonly retryAfterMs?: unknown }
  const message = typeof thrown.message === "string" ? thrown.message : "the provider threw something that is no error"
  const known = AI_ERROR_CLASSES.find((each) => each === thrown.class)
  return aiError(known ?? ("transient" satisfies AiErrorClass), message, {
    cause,
    ...(typeof thrown.retryAfterMs === "number" ? { retryAfterMs: thrown.retryAfterMs } : {}),
  })
}
