/**
 * A model behind OpenAI's API, through the official SDK. Chat Completions by default, because compatible servers speak that one; the
 * Responses API as an option. One call is one attempt: the SDK's retries are off, and its idea of success is not trusted, because it takes
 * a stream that was cut cleanly for a whole one. Only the server's own terminal marker is `finished`.
 *
 * `openai` is loaded at the first request, so that whoever uses other providers need not install it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { aiError, type AiProvider, type AiRequest, type Json } from "@parley/core"
import { answerStream } from "./answer-stream.ts"
import { chatBody, readChatChunk } from "./chat-events.ts"
import { errorOf } from "./classify.ts"
import { checkOptions } from "./options.ts"
import { readResponsesEvent, responsesBody } from "./responses-events.ts"
import { errorOfThrown } from "./thrown.ts"

export interface OpenAiOptions {
  /** Names the provider on answers and in logs; "openai" by default. Two servers of one chain need two names. */
  readonly name?: string
  /** Sent as a bearer token. A server that asks for none takes any word. */
  readonly apiKey: string
  /** Of the API, with its version: `https://api.openai.com/v1` by default. The key and every prompt go there. */
  readonly baseUrl?: string
  readonly model: string
  /** "chat" by default: Chat Completions. "responses" is newer, and few servers but OpenAI's have it. */
  readonly api?: "chat" | "responses"
  /** Milliseconds until the server has accepted a request, 60,000 by default. The engine's own timers are shorter. */
  readonly timeoutMs?: number
  /** Sent with each request as they are, such as `temperature` or `max_completion_tokens`. What this adapter sets itself stays as it is. */
  readonly parameters?: { readonly [name: string]: Json }
}

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

const load = async (options: ReturnType<typeof checkOptions>) => {
  const sdk = await import("openai")
  const client = new sdk.OpenAI({
    apiKey: options.apiKey,
    baseURL: options.baseUrl,
    timeout: options.timeoutMs,
    maxRetries: 0,
    // Given, so that the SDK does not take them from variables that were meant for another server.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: "off",
    logger: SILENT,
    // The body holds a conversation: it goes where the operator said, and nowhere a server sends it on to.
    fetchOptions: { redirect: "manual" },
  })
  return { sdk, client }
}

/** @throws when the options cannot be used: an empty key or model, a base URL that is none. */
export const openaiProvider = (given: OpenAiOptions): AiProvider => {
  const options = checkOptions(given)
  const { apiKey: secret, model } = options
  let loading: ReturnType<typeof load> | undefined
  const loaded = Effect.tryPromise({
    try: () => (loading ??= load(options)),
    catch: () => {
      loading = undefined
      return aiError("unusable", "openai could not be loaded; install it beside @parley/adapters to use this provider")
    },
  })

  const open = async ({ client }: Awaited<ReturnType<typeof load>>, request: AiRequest, signal: AbortSignal) => {
    const settings = {
      signal,
      headers: { authorization: `Bearer ${secret}`, "x-client-request-id": encodeURIComponent(request.requestId) },
    }
    const events =
      options.api === "chat"
        ? await client.chat.completions.create({ ...options.parameters, ...chatBody(model, request) }, settings)
        : await client.responses.create({ ...options.parameters, ...responsesBody(model, request) }, settings)
    return (events as AsyncIterable<unknown>)[Symbol.asyncIterator]()
  }

  const streamOf = Effect.fnUntraced(function* (request: AiRequest) {
    const clock = yield* Clock.Clock
    const library = yield* loaded
    return answerStream({
      model,
      open: (signal) => open(library, request, signal),
      read: options.api === "chat" ? readChatChunk : readResponsesEvent,
      errorOf: (failure, shownText) => errorOf(failure, { secret, shownText }),
      errorOfThrown: (thrown, shownText) =>
        errorOfThrown(thrown, { errors: library.sdk, secret, shownText, now: clock.currentTimeMillisUnsafe() }),
    })
  })

  return { name: options.name, stream: (request) => Stream.unwrap(streamOf(request)) }
}
