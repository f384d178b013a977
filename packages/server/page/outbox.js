// Messages on their way. Each has an id of its own that it keeps over every repetition, so that the server stores it once, whatever
// happened to the replies; it survives a reload of the tab.
import { makeBackoff } from "./backoff.js"
import { randomId, thisTab } from "./settings.js"

const KEY = "parley.outbox"

const load = (user) => {
  try {
    const saved = JSON.parse(thisTab.get(KEY) ?? "null")
    return saved?.user === user && Array.isArray(saved.entries) ? saved.entries : []
  } catch {
    return []
  }
}

/**
 * An entry is `{ clientMessageId, conversationId?, text, at, state: "sending" | "sent" | "failed", error? }`. Without a conversation, one
 * is begun with it.
 * @param {{ user: string, request: (frame: object) => Promise<object>, onChange: () => void,
 *   onCreated: (entry: object) => void }} options
 */
export const makeOutbox = ({ user, request, onChange, onCreated }) => {
  const backoff = makeBackoff({ first: 1_000, most: 15_000 })
  let entries = load(user)
  let busy = false
  let timer

  const changed = () => {
    thisTab.set(KEY, entries.length === 0 ? undefined : JSON.stringify({ user, entries }))
    onChange()
  }

  const send = async (entry) => {
    if (entry.conversationId === undefined) {
      // By code points: half a character would be refused.
      const name = [...entry.text.replace(/\s+/g, " ").trim()].slice(0, 60).join("")
      const created = await request({ type: "create_session", name })
      entry.conversationId = created.conversationId
      onCreated(entry)
      changed()
    }
    const { conversationId, clientMessageId, text } = entry
    await request({ type: "send_message", conversationId, clientMessageId, text })
    entry.state = "sent"
  }

  /** One after the other, so that they arrive in the order they were written. */
  const flush = async () => {
    clearTimeout(timer)
    if (busy) return
    busy = true
    try {
      for (;;) {
        const entry = entries.find(({ state }) => state === "sending")
        if (entry === undefined) break
        try {
          await send(entry)
          backoff.reset()
        } catch (error) {
          if (error.retryAfter !== undefined) {
            timer = setTimeout(() => void flush(), Math.max(backoff.next(), error.retryAfter * 1_000))
            break
          }
          entry.state = "failed"
          entry.error = error.message ?? "It could not be sent."
        }
        changed()
      }
    } finally {
      busy = false
    }
  }

  return {
    entries: () => entries,
    add: (conversationId, text) => {
      entries.push({ clientMessageId: randomId(), conversationId, text, at: Date.now(), state: "sending" })
      changed()
      void flush()
    },
    retry: (clientMessageId) => {
      const entry = entries.find((candidate) => candidate.clientMessageId === clientMessageId)
      if (entry === undefined) return
      entry.state = "sending"
      delete entry.error
      changed()
      void flush()
    },
    discard: (clientMessageId) => {
      entries = entries.filter((entry) => entry.clientMessageId !== clientMessageId)
      changed()
    },
    /** What the log shows is no longer on its way. */
    settle: (clientMessageIds) => {
      const left = entries.filter((entry) => !clientMessageIds.has(entry.clientMessageId))
      if (left.length === entries.length) return
      entries = left
      changed()
    },
    flush,
  }
}
