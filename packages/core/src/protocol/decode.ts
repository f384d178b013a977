/**
 * From the text of a frame to a request that can be trusted in form. Three gates, in this order: JSON, the text rule, the schema of its `type`.
 */
import * as Result from "effect/Result"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { type ChatError, chatError } from "./errors.ts"
import { type Request, REQUESTS, type RequestType } from "./requests.ts"
import { findTextProblem, pointer } from "./text-rule.ts"

export type Decoded =
  | { readonly ok: true; readonly request: Request }
  /** `id` when the frame had a usable one: the error can still be matched to its request. */
  | { readonly ok: false; readonly id: string | undefined; readonly error: ChatError }

type Parser = (input: unknown) => Result.Result<Request, SchemaIssue.Issue>

/** Decoders are compiled once. A null prototype, so that `constructor` is no request type. */
const PARSERS: { readonly [type: string]: Parser } = Object.assign(
  Object.create(null) as Record<string, Parser>,
  Object.fromEntries(
    (Object.keys(REQUESTS) as ReadonlyArray<RequestType>).map((type) => [
      type,
      SchemaParser.decodeUnknownResult(REQUESTS[type], { onExcessProperty: "error" }) as Parser,
    ]),
  ),
)

const toIssues = SchemaIssue.makeFormatterStandardSchemaV1()

export const decodeFrame = (text: string): Decoded => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { ok: false, id: undefined, error: chatError("invalid_json") }
  }
  return decodeValue(value)
}

export const decodeValue = (value: unknown): Decoded => {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse(undefined, chatError("invalid_request", { path: "", problem: "a request is a JSON object" }))
  const { type, id } = value as { readonly type?: unknown; readonly id?: unknown }
  const usableId = typeof id === "string" && id.length <= 64 && id.isWellFormed() ? id : undefined
  const problem = findTextProblem(value)
  if (problem !== undefined) return refuse(usableId, chatError("invalid_text", { ...problem }))
  const parse = typeof type === "string" ? PARSERS[type] : undefined
  // The received type is not repeated: it is a stranger's text of any length.
  if (parse === undefined) return refuse(usableId, chatError("unknown_type", { path: "/type" }))
  const result = parse(value)
  if (Result.isSuccess(result)) return { ok: true, request: result.success }
  const issue = toIssues(result.failure).issues[0]
  const path = (issue?.path ?? []).reduce<string>(
    (parent, key) => pointer(parent, String(typeof key === "object" ? key.key : key)),
    "",
  )
  return refuse(usableId, chatError("invalid_request", { path, problem: issue?.message ?? "does not fit" }))
}

const refuse = (id: string | undefined, error: ChatError): Decoded => ({ ok: false, id, error })
