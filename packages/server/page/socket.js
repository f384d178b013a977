// One WebSocket: open it, sign in, correlate replies, notice when it is dead. It never reconnects; that is connection.js.

/** A proxy may take the connection and never answer the upgrade. */
const OPEN_TIMEOUT = 3_000
const REQUEST_TIMEOUT = 20_000
/** Silence after which the other side is asked for a sign of life, and how long it may take to give one. */
const SILENCE = 25_000
const SIGN_OF_LIFE = 8_000

export const connectionLost = () => ({ code: "connection_lost", message: "The connection was lost.", retryAfter: 1 })

/**
 * `onEnd` is called once: with the close code, whether it was ever signed in, and the error that signing in got.
 * @param {{ url: string, token: string, onReady: (welcome: object) => void, onFrame: (frame: object) => void,
 *   onEnd: (end: { code: number, ready: boolean, error?: object }) => void }} options
 */
export const openSocket = ({ url, token, onReady, onFrame, onEnd }) => {
  const socket = new WebSocket(url)
  const open = new Map()
  /** Conversation id to the id of its newest subscribe: until that is answered, frames still belong to the one before. */
  const subscribing = new Map()
  let ready = false
  let ended = false
  let count = 0
  let signInError
  let opening = setTimeout(() => end(1006), OPEN_TIMEOUT)
  let watch

  const end = (code) => {
    if (ended) return
    ended = true
    clearTimeout(opening)
    clearTimeout(watch)
    socket.close()
    for (const { reject, timer } of open.values()) {
      clearTimeout(timer)
      reject(connectionLost())
    }
    open.clear()
    onEnd({ code, ready, ...(signInError === undefined ? {} : { error: signInError }) })
  }

  const request = (frame) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(connectionLost())
      const id = `r${(count += 1)}`
      const timer = setTimeout(() => {
        open.delete(id)
        reject(connectionLost())
        check()
      }, REQUEST_TIMEOUT)
      open.set(id, { resolve, reject, timer })
      if (frame.type === "subscribe") subscribing.set(frame.conversationId, id)
      socket.send(JSON.stringify({ id, ...frame }))
    })

  const check = (patience = SIGN_OF_LIFE) => {
    if (ended || !ready) return
    clearTimeout(watch)
    socket.send(JSON.stringify({ type: "ping", id: "ping" }))
    watch = setTimeout(() => end(1006), patience)
  }
  const heard = () => {
    clearTimeout(watch)
    watch = setTimeout(check, SILENCE)
  }

  const settle = (frame) => {
    const entry = open.get(frame.id)
    if (entry === undefined) return
    open.delete(frame.id)
    clearTimeout(entry.timer)
    for (const [conversation, id] of subscribing) if (id === frame.id) subscribing.delete(conversation)
    if (frame.type === "reply") entry.resolve(frame)
    else entry.reject(frame.error)
  }

  socket.addEventListener("open", () => {
    request({ type: "authenticate", token }).catch((error) => {
      signInError = error
    })
  })
  socket.addEventListener("message", ({ data }) => {
    if (ended) return
    heard()
    const frame = JSON.parse(data)
    if (frame.type === "reply" || frame.type === "error") settle(frame)
    else if (frame.type === "welcome") {
      clearTimeout(opening)
      ready = true
      onReady(frame)
    } else if (!subscribing.has(frame.conversationId)) onFrame(frame)
  })
  socket.addEventListener("close", ({ code }) => end(code))
  // Says nothing that the close after it does not say.
  socket.addEventListener("error", () => {})

  return {
    request,
    check,
    subscribe: (position) => request({ type: "subscribe", ...position }),
    unsubscribe: (conversationId) => request({ type: "unsubscribe", conversationId }),
    close: () => end(1000),
  }
}
