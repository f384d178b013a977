/** A request's JSON body, never more of it than allowed. */
import { Buffer } from "node:buffer"
import type { IncomingMessage } from "node:http"
import * as Effect from "effect/Effect"
import { type ChatError, chatError } from "@parley/core"

/** A body of the size allowed arrives in it over any link that is worth serving. */
const BODY_TIMEOUT = 20_000

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/** By its headers: whether any of it has come is another question. */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0"

/** `undefined` when there is no body. */
export const readJson = (request: IncomingMessage, maxBytes: number): Effect.Effect<unknown, ChatError> =>
  Effect.suspend(() => {
    if (!hasBody(request)) return Effect.succeed(undefined)
    const { headers } = request
    if (!JSON_TYPE.test(headers["content-type"] ?? "") || headers["content-encoding"] !== undefined)
      return Effect.fail(chatError("unsupported_media_type"))
    if (Number(headers["content-length"]) > maxBytes) return Effect.fail(tooLarge(maxBytes))
    return Effect.flatMap(readBytes(request, maxBytes), parse)
  })

const tooLarge = (max: number): ChatError => chatError("frame_too_large", { max })

const readBytes = (request: IncomingMessage, maxBytes: number): Effect.Effect<Buffer, ChatError> =>
  Effect.timeoutOrElse(
    Effect.callback<Buffer, ChatError>((resume) => {
      const chunks: Array<Buffer> = []
      let length = 0
      const onData = (chunk: Buffer): void => {
        length += chunk.length
        if (length <= maxBytes) return void chunks.push(chunk)
        stop()
        resume(Effect.fail(tooLarge(maxBytes)))
      }
      const onEnd = (): void => {
        stop()
        resume(Effect.succeed(Buffer.concat(chunks)))
      }
      // The client went away in the middle: nobody reads the answer, but the request must end.
      const onGone = (): void => {
        stop()
        resume(Effect.fail(chatError("invalid_json")))
      }
      const stop = (): void => {
        request.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone)
        request.pause()
      }
      request.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone)
      return Effect.sync(stop)
    }),
    {
      duration: BODY_TIMEOUT,
      orElse: () =>
        Effect.fail(
          chatError("invalid_request", { path: "", problem: `the body did not arrive within ${BODY_TIMEOUT / 1_000} s` }),
        ),
    },
  )

const parse = (bytes: Buffer): Effect.Effect<unknown, ChatError> => {
  if (bytes.length === 0) return Effect.succeed(undefined)
  try {
    return Effect.succeed(JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) as unknown)
  } catch {
    return Effect.fail(chatError("invalid_json"))
  }
}
