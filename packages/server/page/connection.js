// Keeps the page connected. A WebSocket when one can be opened, polling while none can, and back again later:
//
//     connecting ──signed in──▶ live ──lost──▶ waiting ──▶ connecting …
//         └──refused, or hanging for 3 s──▶ polling ──the socket opens after all──▶ live
//
// Polling goes on until a new socket is signed in, so that a climb that fails costs nothing.
import { makeBackoff } from "./backoff.js"
import { startPolling } from "./polling.js"
import { connectionLost, openSocket } from "./socket.js"

/** A socket that dies younger than this, this often in a row, is not one to rely on. */
const YOUNG = 10_000
const YOUNG_DEATHS = 3
const FIRST_CLIMB = 5_000

/** What a close code asks of a client, by its range. */
const reactionTo = (code) => (code >= 4500 && code < 5000 ? "stop" : code >= 4400 && code < 4500 ? "sign_in" : "reconnect")

/**
 * `onStatus` gets `{ state, until? }`: connecting, live, polling, waiting (`until` is the time of the next try), moving, refused, stopped.
 * @param {{ prefix: string, token: string, position: () => object | undefined, onFrame: (frame: object) => void,
 *   onUp: () => void, onStatus: (status: { state: string, until?: number, error?: object }) => void }} options
 */
export const connect = ({ prefix, token, position, onFrame, onUp, onStatus }) => {
  const retries = makeBackoff({ first: 500, most: 20_000 })
  const climbs = makeBackoff({ first: FIRST_CLIMB, most: 60_000 })
  let socket
  let polling
  let pollingWorks = false
  let attempt
  let timer
  let over = false
  let youngDeaths = 0
  let moveAfter

  const url = new URL(`${prefix}/ws`, location.href)
  url.protocol = url.protocol.replace("http", "ws")

  const tryLater = (ms) => {
    clearTimeout(timer)
    timer = setTimeout(trySocket, ms)
  }

  const finish = (status) => {
    over = true
    clearTimeout(timer)
    attempt?.close()
    socket?.close()
    stopPolling()
    if (status !== undefined) onStatus(status)
  }

  const stopPolling = () => {
    polling?.stop()
    polling = undefined
    pollingWorks = false
  }

  const poll = () => {
    if (polling !== undefined) return
    polling = startPolling({
      prefix,
      token,
      position,
      onFrame,
      onUp: () => {
        if (pollingWorks) return
        pollingWorks = true
        onStatus({ state: "polling" })
        onUp()
        // The server is there: perhaps its socket is now, too.
        climbs.reset()
        tryLater(climbs.next())
      },
      onDown: (ms) => {
        pollingWorks = false
        onStatus({ state: "waiting", until: Date.now() + ms })
      },
      onRefused: (error) => finish({ state: "refused", error }),
    })
  }

  const trySocket = () => {
    if (over || attempt !== undefined || socket !== undefined) return
    if (polling === undefined) onStatus({ state: "connecting" })
    let since
    const opened = openSocket({
      url: url.href,
      token,
      onReady: () => {
        since = Date.now()
        attempt = undefined
        socket = opened
        moveAfter = undefined
        stopPolling()
        retries.reset()
        climbs.reset()
        onStatus({ state: "live" })
        follow()
        onUp()
      },
      onFrame: (frame) => {
        if (frame.type === "drain") {
          moveAfter = frame.retryAfterMs
          onStatus({ state: "moving" })
        } else onFrame(frame)
      },
      onEnd: ({ code, ready, error }) => {
        attempt = undefined
        if (ready) socket = undefined
        if (over) return
        const reaction = error?.retryAfter === undefined ? reactionTo(code) : "reconnect"
        if (reaction === "sign_in") return finish({ state: "refused", error })
        if (reaction === "stop") return finish({ state: "stopped" })
        if (!ready) {
          poll()
          return tryLater(climbs.next())
        }
        youngDeaths = Date.now() - since < YOUNG && moveAfter === undefined ? youngDeaths + 1 : 0
        if (youngDeaths >= YOUNG_DEATHS) {
          youngDeaths = 0
          poll()
          return tryLater(climbs.next())
        }
        // Told when to move, this was it: the server spread its clients over time already.
        const ms = moveAfter === undefined ? retries.next() : 200 + Math.random() * 800
        onStatus({ state: "waiting", until: Date.now() + ms })
        tryLater(ms)
      },
    })
    attempt = opened
  }

  let followed
  const follow = () => {
    const at = position()
    if (socket === undefined) return polling?.again()
    const asked = socket
    if (followed !== undefined && followed !== at?.conversationId) asked.unsubscribe(followed).catch(() => {})
    followed = at?.conversationId
    if (at === undefined) return
    asked.subscribe(at).catch((error) => {
      if (asked !== socket || position()?.conversationId !== at.conversationId) return
      if (error.code === "conversation_not_found")
        onFrame({ type: "unsubscribed", conversationId: at.conversationId, code: error.code })
      else if (error.retryAfter !== undefined && error.code !== "connection_lost") setTimeout(follow, error.retryAfter * 1_000)
    })
  }

  trySocket()
  return {
    /** Resolves with the reply; rejects with `{ code, message, retryAfter? }`, where a `retryAfter` says that it may be repeated. */
    request: (frame) =>
      socket !== undefined ? socket.request(frame) : pollingWorks ? polling.request(frame) : Promise.reject(connectionLost()),
    /** The position has moved other than by the frames given out: ask from it. */
    follow,
    /** The network or the person came back: do not wait any longer. */
    wake: () => {
      if (over) return
      if (socket !== undefined) return socket.check(4_000)
      retries.reset()
      polling?.again()
      tryLater(0)
    },
    close: () => finish(),
  }
}
