/**
 * The routes. All but the first three are sugar: each names the frame it stands for, and is decoded and answered as that frame.
 */
import type { RequestType } from "@parley/core"

export interface FrameRoute {
  readonly kind: "frame"
  readonly method: string
  /** Segments below the prefix. `:name` takes any text but none and sets the frame's field of that name. */
  readonly path: string
  readonly type: Exclude<RequestType, "authenticate" | "subscribe" | "unsubscribe" | "ping">
  /** Fields that the route itself sets. */
  readonly sets?: Readonly<Record<string, unknown>>
  /** Fields taken from the query. */
  readonly query?: Readonly<Record<string, "text" | "integer">>
  /** Of success; 200 by default. */
  readonly status?: number
  /** The answer is the first element of this list of the reply. */
  readonly only?: string
  /** The frame's `clientMessageId` may stand in the Idempotency-Key header, and is made up when it stands nowhere. */
  readonly idempotent?: true
}

export interface OwnRoute {
  readonly kind: "commands" | "sync" | "events" | "messages" | "tickets"
  readonly method: string
  readonly path: string
}

export type Route = FrameRoute | OwnRoute

const frame = (method: string, path: string, type: FrameRoute["type"], rest: Partial<FrameRoute> = {}): FrameRoute => ({
  kind: "frame",
  method,
  path,
  type,
  ...rest,
})

const PAGE = { query: { before: "integer", limit: "integer" } } as const
const CREATED = { status: 201 } as const

/** What sessions and rooms have in common. */
const conversationRoutes = (base: "sessions" | "rooms"): ReadonlyArray<Route> => {
  const one = `${base}/:conversationId`
  const message = `${one}/messages/:messageId`
  const reaction = `${message}/reactions/:emoji`
  return [
    frame("GET", base, "list_conversations", {
      sets: { kind: base === "sessions" ? "session" : "room" },
      query: { limit: "integer", after: "text" },
    }),
    frame("GET", one, "list_conversations", { only: "conversations" }),
    frame("PATCH", one, "update_conversation"),
    frame("DELETE", one, "delete_conversation"),
    frame("POST", `${one}/close`, "close_conversation"),
    frame("GET", `${one}/history`, "get_history", PAGE),
    frame("GET", `${one}/messages`, "get_history", PAGE),
    frame("POST", `${one}/messages`, "send_message", { ...CREATED, idempotent: true }),
    frame("PATCH", message, "edit_message"),
    frame("DELETE", message, "delete_message"),
    frame("PUT", reaction, "message_reaction", { sets: { remove: false } }),
    frame("DELETE", reaction, "message_reaction", { sets: { remove: true } }),
    frame("POST", `${message}/stop`, "stop_answer"),
    frame("POST", `${message}/regenerate`, "regenerate_answer"),
  ]
}

export const ROUTES: ReadonlyArray<Route> = [
  { kind: "commands", method: "POST", path: "commands" },
  { kind: "sync", method: "GET", path: "sync" },
  { kind: "events", method: "GET", path: "events" },
  { kind: "messages", method: "GET", path: "messages" },
  { kind: "tickets", method: "POST", path: "tickets" },
  frame("POST", "sessions", "create_session", CREATED),
  ...conversationRoutes("sessions"),
  frame("POST", "rooms", "create_room", CREATED),
  ...conversationRoutes("rooms"),
  frame("POST", "rooms/:conversationId/join", "join_room"),
  frame("POST", "rooms/:conversationId/leave", "leave_room"),
]

export type Found =
  | { readonly type: "route"; readonly route: Route; readonly parameters: Readonly<Record<string, string>> }
  /** The path is one, the method is not. */
  | { readonly type: "method"; readonly allow: ReadonlyArray<string> }
  | { readonly type: "none" }

const SEGMENTS = ROUTES.map((route) => ({ route, segments: route.path.split("/") }))

/** `path` below the prefix, percent-encoded as it came. */
export const findRoute = (method: string, path: string): Found => {
  const given = path.split("/")
  const allow: Array<string> = []
  for (const { route, segments } of SEGMENTS) {
    const parameters = match(segments, given)
    if (parameters === undefined) continue
    if (route.method === method) return { type: "route", route, parameters }
    allow.push(route.method)
  }
  return allow.length > 0 ? { type: "method", allow: allow.sort() } : { type: "none" }
}

const match = (segments: ReadonlyArray<string>, given: ReadonlyArray<string>): Record<string, string> | undefined => {
  if (segments.length !== given.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [i, segment] of segments.entries()) {
    const text = given[i] as string
    if (!segment.startsWith(":")) {
      if (segment !== text) return undefined
      continue
    }
    if (text === "") return undefined
    try {
      parameters[segment.slice(1)] = decodeURIComponent(text)
    } catch {
      return undefined
    }
  }
  return parameters
}
