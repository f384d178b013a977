// The same frames over ordinary HTTP, for networks that let no WebSocket through: requests as commands, news by a request that the
// server answers when there is some. Where even those are cut, it asks every few seconds instead.
import { makeBackoff } from "./backoff.js"
import { connectionLost } from "./socket.js"

const LONG_POLL = 25_000
/** On top of what the server was asked to wait: then the answer is not coming. */
const GRACE = 10_000
const SHORT_INTERVAL = 2_000
const REQUEST_TIMEOUT = 20_000
/** A waiting request that fails this late was cut because it waited. */
const CUT_AFTER = 2_000

const pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener("abort", () => {
      clearTimeout(timer)
      resolve()
    })
  })

/**
 * `position` tells what to ask for next: `{ conversationId, cursor?, answers? }`, or nothing.
 * @param {{ prefix: string, token: string, position: () => object | undefined, onFrame: (frame: object) => void,
 *   onUp: () => void, onDown: (wait: number) => void, onRefused: (error: object) => void }} options
 */
export const startPolling = ({ prefix, token, position, onFrame, onUp, onDown, onRefused }) => {
  const backoff = makeBackoff({ first: 1_000, most: 30_000 })
  let stopped = false
  let wait = LONG_POLL
  let turn = new AbortController()
  let known

  const call = async (path, init, timeout) => {
    const response = await fetch(prefix + path, {
      ...init,
      cache: "no-store",
      headers: { authorization: `Bearer ${token}`, ...init.headers },
      signal: AbortSignal.any([...(init.signal === undefined ? [] : [init.signal]), AbortSignal.timeout(timeout)]),
    })
    if (response.status === 304) return undefined
    const body = await response.json()
    if (response.ok) return { body, etag: response.headers.get("etag") }
    throw body.error ?? connectionLost()
  }

  const sync = async (at, signal) => {
    const query = new URLSearchParams([
      ["c", at.cursor === undefined ? at.conversationId : `${at.conversationId}@${at.cursor}`],
      ...(at.answers ?? []).map((held) => ["a", held]),
      ...(wait > 0 ? [["wait", String(wait / 1_000)]] : []),
    ])
    const path = `/sync?${query}`
    const headers = known?.path === path ? { "if-none-match": known.etag } : {}
    const found = await call(path, { headers, signal }, wait + GRACE)
    if (found === undefined) return []
    known = found.etag === null ? undefined : { path, etag: found.etag }
    return found.body.frames
  }

  const failed = async (error, began, signal) => {
    if (["unauthenticated", "token_expired"].includes(error.code)) {
      stopped = true
      return onRefused(error)
    }
    if (wait > 0 && typeof error.code !== "string" && Date.now() - began > CUT_AFTER) {
      wait = 0
      return
    }
    const ms = Math.max(backoff.next(), (error.retryAfter ?? 0) * 1_000)
    onDown(ms)
    await pause(ms, signal)
  }

  const run = async () => {
    while (!stopped) {
      if (turn.signal.aborted) turn = new AbortController()
      const { signal } = turn
      const at = position()
      const began = Date.now()
      try {
        // Without a conversation to follow, a small question tells whether the server is there.
        const frames = at === undefined ? (await request({ type: "list_conversations", limit: 1 }), []) : await sync(at, signal)
        if (stopped || signal.aborted) continue
        backoff.reset()
        onUp()
        for (const frame of frames) onFrame(frame)
        if (at === undefined) await pause(LONG_POLL, signal)
        // A proxy that answers at once in the server's place must not make this a busy loop.
        else if (frames.length === 0 && Date.now() - began < SHORT_INTERVAL) await pause(SHORT_INTERVAL, signal)
      } catch (error) {
        if (!stopped && !signal.aborted) await failed(error, began, signal)
      }
    }
  }

  const request = async (frame) => {
    let found
    try {
      found = await call(
        "/commands",
        { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify([{ id: "1", ...frame }]) },
        REQUEST_TIMEOUT,
      )
    } catch (error) {
      // What fetch itself throws has no code of the server's.
      throw typeof error.code === "string" ? error : connectionLost()
    }
    const [reply] = found.body.replies
    if (reply?.type === "reply") return reply
    throw reply?.error ?? connectionLost()
  }

  const again = () => turn.abort()
  void run()
  return {
    request,
    /** Asks anew: the position has moved, or waiting was long enough. */
    again,
    stop: () => {
      stopped = true
      turn.abort()
    },
  }
}
