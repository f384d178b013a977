/** What both transports ask of a request before they look into it: is it ours, and from where does it come. */
import { randomUUID } from "node:crypto"
import type { IncomingMessage } from "node:http"
import { type ChatError, chatError, pointer } from "@parley/core"

export interface DoorOptions {
  /** Where the routes are mounted; several are served alike. Default: "/v1/chat". */
  readonly prefix?: string | ReadonlyArray<string>
  /**
   * Origins that browsers may call from besides the server's own, each as a browser spells it ("https://app.example.com"); "*" allows all.
   * Default: none. Behind a proxy that ends TLS the server's own origin must be named: it sees http where the browser saw https.
   */
  readonly allowedOrigins?: ReadonlyArray<string>
  /**
   * The name of a cookie that holds a user's token: taken where there is no Authorization header, and only from pages of the server's own origin or one
   * that is named in `allowedOrigins` ("*" names none). Set it HttpOnly, Secure and SameSite. Default: cookies are not looked at.
   */
  readonly cookie?: string
}

const DEFAULT_PREFIX = "/v1/chat"
const COOKIE_NAME = /^[\w!#$%&'*+.^`|~-]+$/
const PREFIX = /^(\/[\w.~-]+)+$/

/** A request's target below one of the prefixes. */
export interface Target {
  /** Without prefix and leading slash. */
  readonly path: string
  readonly query: URLSearchParams
}

export interface Door {
  /** `undefined` for what lies outside the prefixes. */
  readonly target: (request: IncomingMessage) => Target | undefined
  /** Whether pages of the origin that the request names may use this server. Without an Origin header nobody's page is involved. */
  readonly allows: (request: IncomingMessage) => boolean
  /** Whether a browser may send its cookies along from the page that the request names. */
  readonly takesCookies: (request: IncomingMessage) => boolean
  /** The token of the request's cookie; refused when a page that may not use it has the browser send it. */
  readonly cookieToken: (request: IncomingMessage) => string | ChatError | undefined
}

/** @throws when a prefix is none. */
export const openDoor = (options: DoorOptions): Door => {
  const prefixes = typeof options.prefix === "string" ? [options.prefix] : (options.prefix ?? [DEFAULT_PREFIX])
  for (const prefix of prefixes)
    if (!PREFIX.test(prefix))
      throw new TypeError(`The prefix ${JSON.stringify(prefix)} must read like "/v1/chat", without a slash at its end.`)
  const allowed = new Set(options.allowedOrigins)
  const { cookie } = options
  if (cookie !== undefined && !COOKIE_NAME.test(cookie))
    throw new TypeError(`The cookie's name ${JSON.stringify(cookie)} is none.`)

  const isOwn = ({ headers: { origin, host }, socket }: IncomingMessage): boolean =>
    origin === `${"encrypted" in socket ? "https" : "http"}://${host?.toLowerCase()}`
  /** By name: a browser that says nothing of where it comes from, says at least that it is the same place. */
  const named = (request: IncomingMessage): boolean => {
    const { origin } = request.headers
    if (origin === undefined) return request.headers["sec-fetch-site"] === "same-origin"
    return origin !== "null" && ((origin !== "*" && allowed.has(origin)) || isOwn(request))
  }
  return {
    takesCookies: (request) => cookie !== undefined && named(request),
    cookieToken: (request) => {
      if (cookie === undefined) return undefined
      const token = readCookie(request.headers.cookie ?? "", cookie)
      return token === undefined || named(request) ? token : chatError("origin_not_allowed")
    },
    target: ({ url = "" }) => {
      const end = url.indexOf("?")
      const path = end === -1 ? url : url.slice(0, end)
      const prefix = prefixes.find(
        (start) => path.startsWith(start) && (path.length === start.length || path[start.length] === "/"),
      )
      if (prefix === undefined) return undefined
      return { path: path.slice(prefix.length + 1), query: new URLSearchParams(end === -1 ? "" : url.slice(end + 1)) }
    },
    allows: (request) => {
      const { origin } = request.headers
      if (origin === undefined || allowed.has("*")) return true
      // What a browser says for a page without an origin of its own, such as a sandboxed frame: anybody's.
      if (origin === "null") return false
      return allowed.has(origin) || isOwn(request)
    },
  }
}

/** Of two cookies of one name neither: whoever can set one for a sister domain could put it before the real one. */
const readCookie = (header: string, name: string): string | undefined => {
  const values = header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1).replace(/^"(.*)"$/u, "$1"))
  return values.length === 1 && values[0] !== "" ? values[0] : undefined
}

/** Names one request in an answer and in the log. A UUID, because Node draws many of those at once. */
export const correlationIdOf = (): string => `req_${randomUUID()}`

const MAX_NAME = 64

export const unknownParameter = (name: string): ChatError =>
  chatError("invalid_request", { path: pointer("/query", name.slice(0, MAX_NAME)), problem: "is no parameter of this route" })

/** URLs stand in logs and histories, so no token is taken from one, and its sender is told so. */
export const tokenInQuery = (query: URLSearchParams): ChatError | undefined => {
  for (const name of ["token", "access_token"])
    if (query.has(name))
      return chatError("invalid_request", {
        path: `/query/${name}`,
        problem: "a token does not belong into a URL; send it in the Authorization header, or in an authenticate frame",
      })
  return undefined
}
