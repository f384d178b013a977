// What the page remembers, and who it speaks for. Storage may be switched off in a browser; the page then works until it is closed.

const remembered = (storage) => {
  const fallback = new Map()
  return {
    get: (key) => {
      try {
        return storage().getItem(key) ?? undefined
      } catch {
        return fallback.get(key)
      }
    },
    set: (key, value) => {
      try {
        if (value === undefined) storage().removeItem(key)
        else storage().setItem(key, value)
      } catch {
        if (value === undefined) fallback.delete(key)
        else fallback.set(key, value)
      }
    },
  }
}

/** Survives the browser. */
export const longTerm = remembered(() => window.localStorage)
/** Survives a reload of this tab. */
export const thisTab = remembered(() => window.sessionStorage)

/** @returns {Promise<{ developmentLogin: boolean, prefix: string, suggestions: string[], maxMessageLength: number }>} */
export const loadConfig = async () => {
  const response = await fetch("/config.json", { cache: "no-cache" })
  if (!response.ok) throw new Error(`config.json: ${response.status}`)
  return response.json()
}

const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"

export const randomName = (length) =>
  Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => LETTERS[byte % LETTERS.length]).join("")

/** Not `crypto.randomUUID`: browsers offer that on secure origins only. */
export const randomId = () => randomName(26)

/** A guest of this browser, the same one at every visit. */
export const guestToken = () => {
  let name = longTerm.get("parley.guest")
  if (name === undefined) longTerm.set("parley.guest", (name = `guest-${randomName(6)}`))
  return `dev:${name}`
}

/** Whose token it is, for keeping one person's unsent messages from another; the server alone decides who that really is. */
export const subjectOf = (token) => {
  try {
    return JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub
  } catch {
    return token
  }
}
