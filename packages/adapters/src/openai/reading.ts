/** What one event of either API says, once it is read. */
import type { Usage } from "@parley/core"
import type { Failure } from "./classify.ts"

export interface Reading {
  readonly model?: string
  readonly text?: string
  readonly usage?: Usage
  /** All of the answer, from a server that says it at the end besides: used when it sent no pieces before. */
  readonly whole?: string
  /** The terminal marker. */
  readonly finish?: "stop" | "length"
  readonly failure?: Failure
}

export interface JsonObject {
  readonly [name: string]: unknown
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)
export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {})

/** Skipping such an event could leave a hole in a text that then counts as complete. */
export const UNREADABLE: Reading = { failure: { what: "the server sent an event that cannot be read" } }

export const REFUSED: Reading = { failure: { code: "content_filter", what: "the model refused" } }

/** Unknown is absent, never 0: servers that do not count say 0, and no request has an input of none. */
const count = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined

export const usageOf = (input: unknown, output: unknown): Usage | undefined => {
  const [inputTokens, outputTokens] = [count(input), count(output)]
  if (inputTokens === undefined && outputTokens === undefined) return undefined
  return {
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
  }
}
