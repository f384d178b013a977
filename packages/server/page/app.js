// Puts the page together: what is held, what is on its way, and what is shown.
import { connect } from "./connection.js"
import { makeOutbox } from "./outbox.js"
import { guestToken, loadConfig, subjectOf, thisTab } from "./settings.js"
import {
  applyFrame,
  applyHistory,
  cursorOf,
  emptyConversation,
  hasOlder,
  heldAnswers,
  isOpenAnswer,
  shownMessages,
  textOf,
} from "./store.js"
import { makeView } from "./view.js"

const CONVERSATION = /^#([A-Za-z0-9_-]{1,64})$/
/** A gap that stays after asking again so often is asked about more slowly. */
const GAP_PAUSE = 1_000

let config
let token
let connection
let outbox
let held
let sessions = []
let lastGap = 0
let gapTimer
let openBefore = 0
let drawing = false

const draw = () => {
  if (drawing) return
  drawing = true
  requestAnimationFrame(() => {
    drawing = false
    render()
  })
}

const ask = (frame) =>
  connection.request(frame).catch((error) => {
    view.announce(error.message)
    return undefined
  })

const noteOf = ({ answer }) => {
  const nth = answer.variant > 1 ? `Answer ${answer.variant}` : ""
  const state = {
    stopping: "Stopping…",
    stopped: "Stopped",
    failed: answer.error?.message ?? "The assistant could not answer.",
    interrupted: answer.error?.message ?? "The answer was cut off.",
    blocked: answer.error?.message ?? "The assistant's policy refused this.",
  }[answer.state]
  return [nth, state, answer.finish === "length" ? "Cut at its greatest length" : undefined].filter(Boolean).join(" · ")
}

const modelOfAnswer = (message) => {
  const open = isOpenAnswer(message)
  return {
    key: message.id,
    id: message.id,
    author: "assistant",
    state: message.answer.state,
    busy: open,
    text: message.deleted === undefined ? textOf(held, message) : "This answer was deleted.",
    sources: message.parts.filter((part) => part.type === "source"),
    note: noteOf(message),
    failed: ["failed", "interrupted", "blocked"].includes(message.answer.state),
    at: open ? undefined : message.updatedAt,
    actions:
      open || message.deleted !== undefined
        ? []
        : [
            {
              label: "Answer again",
              run: () => ask({ type: "regenerate_answer", conversationId: held.id, messageId: message.id }),
            },
          ],
  }
}

const modelOfMessage = (message) => ({
  key: message.clientMessageId ?? message.id,
  id: message.id,
  author: "user",
  state: "sent",
  busy: false,
  text: message.deleted === undefined ? textOf(held, message) : "This message was deleted.",
  sources: [],
  note: "Sent",
  failed: false,
  at: message.createdAt,
  actions: [],
})

const modelOfEntry = (entry) => ({
  key: entry.clientMessageId,
  author: "user",
  state: entry.state,
  busy: entry.state === "sending",
  text: entry.text,
  sources: [],
  note: { sending: "Sending…", sent: "Sent", failed: `Not sent: ${entry.error}` }[entry.state],
  failed: entry.state === "failed",
  at: undefined,
  actions:
    entry.state === "failed"
      ? [
          { label: "Send again", run: () => outbox.retry(entry.clientMessageId) },
          { label: "Discard", run: () => outbox.discard(entry.clientMessageId) },
        ]
      : [],
})

const render = () => {
  const messages = held === undefined ? [] : shownMessages(held).filter(({ author }) => author.kind !== "system")
  const stored = new Set(messages.map(({ clientMessageId }) => clientMessageId))
  const waiting = (outbox?.entries() ?? []).filter(
    (entry) => entry.conversationId === held?.id && !stored.has(entry.clientMessageId),
  )
  const models = [
    ...messages.map((message) => (message.answer === undefined ? modelOfMessage(message) : modelOfAnswer(message))),
    ...waiting.map(modelOfEntry),
  ]
  const open = messages.filter(isOpenAnswer).length
  const status = held?.items.get(held.id)?.status ?? "active"
  view.showMessages({
    models,
    open,
    hasOlder: held !== undefined && hasOlder(held),
    empty: models.length === 0 && (held === undefined || held.epoch !== undefined),
    ended: status !== "active",
  })
  view.showSessions(
    sessions.map(({ conversationId, conversation }) => ({
      key: conversationId,
      name: conversation.name ?? "Unnamed conversation",
      current: conversationId === held?.id,
    })),
  )
  if (open !== openBefore) view.announce(open > 0 ? "The assistant is answering." : "The answer has ended.")
  openBefore = open
  if (stored.size > 0) outbox?.settle(stored)
}

const openConversation = (id) => {
  if (held?.id === id) return
  held = id === undefined ? undefined : emptyConversation(id)
  openBefore = 0
  const hash = id === undefined ? "" : `#${id}`
  if (location.hash !== hash) history.pushState(null, "", `${location.pathname}${hash}`)
  connection?.follow()
  draw()
}

const position = () => {
  if (held === undefined) return undefined
  const cursor = cursorOf(held)
  const answers = cursor === undefined ? [] : heldAnswers(held)
  return {
    conversationId: held.id,
    ...(cursor === undefined ? {} : { cursor }),
    ...(answers.length === 0 ? {} : { answers }),
  }
}

const onFrame = (frame) => {
  if (held === undefined || frame.conversationId !== held.id) return
  const verdict = applyFrame(held, frame)
  if (verdict === "gone") {
    view.announce("This conversation is not there any more.")
    openConversation(undefined)
    void listSessions()
  } else if (verdict === "gap") {
    // The frames behind the one that was missing show the same gap.
    gapTimer ??= setTimeout(
      () => {
        gapTimer = undefined
        lastGap = Date.now()
        connection.follow()
      },
      Date.now() - lastGap < GAP_PAUSE ? GAP_PAUSE : 0,
    )
  } else if (verdict === "changed") draw()
}

const listSessions = async () => {
  const found = await connection.request({ type: "list_conversations", kind: "session", limit: 50 }).catch(() => undefined)
  if (found === undefined) return
  sessions = found.conversations
  draw()
}

const STATUS = {
  connecting: ["Connecting…", "busy"],
  live: ["Connected", "good"],
  polling: ["Connected over plain HTTP, because a WebSocket cannot be opened here", "good"],
  waiting: ["No connection; trying again. What you send is kept until then", "bad"],
  moving: ["The server is restarting; moving over", "busy"],
  refused: ["Not signed in", "bad"],
  stopped: ["The server ended this connection. Reload the page to try again", "bad"],
}

const view = makeView({
  onSend: (text) => {
    outbox.add(held?.id, text)
    void outbox.flush()
  },
  onStop: () => {
    for (const message of shownMessages(held).filter(isOpenAnswer))
      void ask({ type: "stop_answer", conversationId: held.id, messageId: message.id })
  },
  onNew: () => openConversation(undefined),
  onOpen: openConversation,
  onOlder: async () => {
    const asked = held
    const page = await ask({ type: "get_history", conversationId: asked.id, before: asked.from, limit: 50 })
    if (page === undefined || asked !== held) return
    if (applyHistory(held, page) === "gap") connection.follow()
    draw()
  },
  onSignIn: (given) => start(given),
})

const start = (given) => {
  connection?.close()
  token = given
  if (!config.developmentLogin) thisTab.set("parley.token", token)
  view.askToken(undefined)
  outbox = makeOutbox({
    user: subjectOf(token),
    request: (frame) => connection.request(frame),
    onChange: draw,
    onCreated: (entry) => {
      if (held === undefined) openConversation(entry.conversationId)
      void listSessions()
    },
  })
  connection = connect({
    prefix: config.prefix,
    token,
    position,
    onFrame,
    onUp: () => {
      void outbox.flush()
      void listSessions()
    },
    onStatus: ({ state }) => {
      view.showStatus(...STATUS[state])
      if (state !== "refused") return
      thisTab.set("parley.token", undefined)
      view.askToken("The server did not accept the token. Give a valid one.")
    },
  })
  view.showUser(config.developmentLogin ? `${token.slice(4)} (development login)` : "")
  draw()
  view.focusInput()
}

const openByAddress = () => openConversation(CONVERSATION.exec(location.hash)?.[1])

const begin = async () => {
  try {
    config = await loadConfig()
  } catch {
    view.showStatus("The server cannot be reached; trying again", "bad")
    setTimeout(() => void begin(), 2_000)
    return
  }
  view.showSuggestions(config.suggestions)
  view.limitInput(config.maxMessageLength)
  held = undefined
  openByAddress()
  const saved = config.developmentLogin ? guestToken() : thisTab.get("parley.token")
  if (saved === undefined) {
    view.showStatus(...STATUS.refused)
    view.askToken("This server asks for a token. Whoever runs it can give you one.")
  } else start(saved)
}

addEventListener("popstate", openByAddress)
addEventListener("online", () => connection?.wake())
addEventListener("offline", () => connection?.wake())
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") connection?.wake()
})
void begin()
