/**
 * Log entries as one line of JSON each. The engine never logs a message's text or a token; this module only shapes what it is given.
 */
import type { LogEntry } from "@parley/core"
import { LOG_LEVELS, type LogLevelName } from "./settings.ts"

export interface Log {
  /** For the engine, which has its own level set. */
  readonly entry: (entry: LogEntry) => void
  readonly write: (level: LogLevelName, message: string, fields?: { readonly [name: string]: unknown }) => void
}

export const makeLog = (least: LogLevelName, writeLine: (line: string) => void, now: () => Date = () => new Date()): Log => {
  const rank = LOG_LEVELS.indexOf(least)
  const put = (level: string, time: string, message: string, fields: object): void =>
    writeLine(`${stringify({ level, time, message, ...fields })}\n`)
  return {
    entry: (entry) => {
      const said = Array.isArray(entry.message) ? (entry.message as ReadonlyArray<unknown>) : [entry.message]
      const words = said.filter((part) => typeof part !== "object" || part === null)
      const fields = said.filter((part) => typeof part === "object" && part !== null)
      put(entry.level.toLowerCase(), entry.timestamp, words.join(" "), {
        ...Object.assign({}, ...fields),
        ...entry.annotations,
        ...(entry.cause === undefined ? {} : { cause: entry.cause }),
      })
    },
    write: (level, message, fields = {}) => {
      if (LOG_LEVELS.indexOf(level) >= rank) put(level, now().toISOString(), message, fields)
    },
  }
}

/** What an error is to a log: its kind, its words and where it came from. */
export const describeError = (error: unknown): { readonly [name: string]: unknown } =>
  error instanceof Error
    ? { error: error.name, reason: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) }
    : { error: typeof error, reason: reasonOf(error) }

const reasonOf = (error: unknown): string => {
  const message = typeof error === "object" && error !== null ? (error as { readonly message?: unknown }).message : error
  return typeof message === "string" ? message : "unknown"
}

/** A field that cannot be written must not cost the entry, nor the process that logs. */
const stringify = (fields: { readonly message: string; readonly [name: string]: unknown }): string => {
  try {
    return JSON.stringify(fields, (_name, value: unknown) => (value instanceof Error ? describeError(value) : value))
  } catch {
    const { level, time, message } = fields
    return JSON.stringify({ level, time, message, unwritable: true })
  }
}
