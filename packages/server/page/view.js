// Draws the conversation. Nodes are kept by key, so that what somebody reads, selects or has focused stays where it is.
import { safeUrl, showMarkdown } from "./markdown.js"

const make = (tag, className, text) => {
  const node = document.createElement(tag)
  if (className !== undefined) node.className = className
  if (text !== undefined) node.textContent = text
  return node
}

const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text
}

const button = (text, onClick) => {
  const node = make("button", "quiet", text)
  node.type = "button"
  node.addEventListener("click", onClick)
  return node
}

/** Reconciles the children of `parent` with `models`, each `{ key }`; `create` makes a node, `update` fills it. */
const keyed = (parent, create, update) => {
  const nodes = new Map()
  return (models) => {
    const wanted = new Set(models.map(({ key }) => key))
    for (const [key, node] of nodes)
      if (!wanted.has(key)) {
        node.remove()
        nodes.delete(key)
      }
    let at = parent.firstElementChild
    for (const model of models) {
      let node = nodes.get(model.key)
      if (node === undefined) nodes.set(model.key, (node = create(model)))
      if (node === at) at = at.nextElementSibling
      else parent.insertBefore(node, at)
      update(node, model)
    }
  }
}

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" })

const createMessage = (model) => {
  const node = make("li", `message ${model.author}`)
  const who = make("h3", "visually-hidden", model.author === "user" ? "You" : "Assistant")
  const body = make("div", "body")
  const sources = make("ul", "sources")
  sources.setAttribute("aria-label", "Sources")
  const foot = make("div", "foot")
  node.append(who, body, sources, foot)
  return node
}

const showSources = (list, sources) => {
  const wanted = JSON.stringify(sources)
  if (list.dataset.shown === wanted) return
  list.dataset.shown = wanted
  list.hidden = sources.length === 0
  list.replaceChildren(
    ...sources.map(({ title, uri }) => {
      const item = make("li")
      const href = safeUrl(uri)
      const label = make(href === undefined ? "span" : "a", undefined, title === "" ? uri : title)
      label.title = uri
      if (href !== undefined) Object.assign(label, { href, rel: "noopener noreferrer", target: "_blank" })
      item.append(label)
      return item
    }),
  )
}

const updateMessage = (node, model) => {
  const [, body, sources, foot] = node.children
  node.dataset.id = model.id ?? ""
  node.dataset.state = model.state
  node.setAttribute("aria-busy", String(model.busy))
  if (model.author === "assistant") showMarkdown(body, model.text)
  else setText(body, model.text)
  body.classList.toggle("waiting", model.busy && model.text === "")
  showSources(sources, model.sources)
  const wanted = JSON.stringify([model.note, model.at, model.actions.map(({ label }) => label)])
  if (foot.dataset.shown === wanted) return
  foot.dataset.shown = wanted
  const note = make("span", model.failed ? "note failed" : "note", model.note)
  foot.replaceChildren(
    ...(model.note === "" ? [] : [note]),
    ...(model.at === undefined ? [] : [make("time", undefined, time.format(model.at))]),
    ...model.actions.map(({ label, run }) => button(label, run)),
  )
}

/** @param {{ onSend: (text: string) => void, onStop: () => void, onNew: () => void, onOlder: () => unknown, onOpen: (id: string) => void,
 *   onSignIn: (token: string) => void }} on */
export const makeView = (on) => {
  const at = (id) => document.getElementById(id)
  const [messages, scroller, composer, input, stop] = ["messages", "scroller", "composer", "input", "stop"].map(at)
  const [sessions, status, announce, welcome, older] = ["sessions", "status", "announce", "welcome", "older"].map(at)
  const [signIn, token, chat, who, menu, suggestions] = ["sign-in", "token", "chat", "who", "menu", "suggestions"].map(at)
  const reconcile = keyed(messages, createMessage, updateMessage)

  const hint = at("hint")
  const usualHint = hint.textContent
  let maxLength = Number.POSITIVE_INFINITY
  let closed = false

  /** Nothing is cut behind anybody's back: what is too long is said, and stays to be shortened. */
  const judgeInput = () => {
    const excess = input.value.length - maxLength
    setText(hint, excess > 0 ? `Too long by ${excess} characters.` : closed ? "This conversation is closed." : usualHint)
    hint.classList.toggle("failed", excess > 0)
    at("send").disabled = closed || excess > 0
  }
  const send = () => {
    const text = input.value
    if (text.trim() === "" || at("send").disabled) return
    input.value = ""
    resize()
    // Whoever writes wants to see what comes of it.
    scroller.scrollTop = scroller.scrollHeight
    on.onSend(text)
  }
  const resize = () => {
    input.style.height = "auto"
    input.style.height = `${input.scrollHeight}px`
    judgeInput()
  }
  const closeMenu = () => {
    document.body.classList.remove("menu-open")
    menu.setAttribute("aria-expanded", "false")
  }

  composer.addEventListener("submit", (event) => {
    event.preventDefault()
    send()
    input.focus()
  })
  input.addEventListener("keydown", (event) => {
    // While an input method composes a word, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
    event.preventDefault()
    send()
  })
  input.addEventListener("input", resize)
  stop.addEventListener("click", () => {
    on.onStop()
    input.focus()
  })
  older.addEventListener("click", on.onOlder)
  at("new").addEventListener("click", () => {
    closeMenu()
    on.onNew()
    input.focus()
  })
  menu.addEventListener("click", () => {
    const open = document.body.classList.toggle("menu-open")
    menu.setAttribute("aria-expanded", String(open))
  })
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenu()
  })
  signIn.addEventListener("submit", (event) => {
    event.preventDefault()
    if (token.value.trim() !== "") on.onSignIn(token.value.trim())
    token.value = ""
  })

  const listSessions = keyed(
    sessions,
    ({ key }) => {
      const item = make("li")
      item.append(
        button("", () => {
          closeMenu()
          on.onOpen(key)
          input.focus()
        }),
      )
      return item
    },
    (node, { name, current }) => {
      const [open] = node.children
      setText(open, name)
      if (current) open.setAttribute("aria-current", "true")
      else open.removeAttribute("aria-current")
    },
  )

  return {
    showMessages: ({ models, open, hasOlder, empty, ended }) => {
      const below = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight
      // Whoever scrolled up reads; everybody else follows what is written.
      const following = below < 60
      const first = messages.firstElementChild
      const top = first?.offsetTop
      reconcile(models)
      older.hidden = !hasOlder
      welcome.hidden = !empty
      stop.hidden = open === 0
      if (closed !== ended) {
        closed = input.disabled = ended
        judgeInput()
      }
      if (following) scroller.scrollTop = scroller.scrollHeight
      // Older messages were put above: what was in sight stays there.
      else if (first?.isConnected && first.offsetTop !== top) scroller.scrollTop += first.offsetTop - top
    },
    showSessions: listSessions,
    showStatus: (text, tone) => {
      setText(status, text)
      status.dataset.tone = tone
    },
    showUser: (text) => setText(who, text),
    showSuggestions: (texts) => suggestions.replaceChildren(...texts.map((text) => button(text, () => on.onSend(text)))),
    announce: (text) => setText(announce, text),
    /** The sentence tells why a token is needed; without one, the chat is shown. */
    askToken: (why) => {
      signIn.hidden = why === undefined
      chat.hidden = why !== undefined
      setText(at("sign-in-why"), why ?? "")
      if (why !== undefined) token.focus()
    },
    focusInput: () => input.focus(),
    limitInput: (length) => {
      maxLength = length
    },
  }
}
