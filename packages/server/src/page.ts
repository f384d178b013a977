/**
 * The files of the page that the server shows at `/`. They are few and fixed, so they are read once: no path of a request ever
 * reaches the file system.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"

const TYPES = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
} as const

const FILES: { readonly [path: string]: string } = {
  "/": "index.html",
  "/style.css": "style.css",
  "/icon.svg": "icon.svg",
  "/app.js": "app.js",
  "/backoff.js": "backoff.js",
  "/connection.js": "connection.js",
  "/markdown.js": "markdown.js",
  "/outbox.js": "outbox.js",
  "/polling.js": "polling.js",
  "/settings.js": "settings.js",
  "/socket.js": "socket.js",
  "/store.js": "store.js",
  "/view.js": "view.js",
}

/** Nothing inline, nothing from elsewhere, nobody frames it: text of a stranger that slipped through as markup could still do nothing. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  // Asked again each time, answered with 304 while nothing changed: a new version never runs half old.
  "cache-control": "no-cache",
} as const

interface Asset {
  readonly body: Buffer
  readonly headers: { readonly [name: string]: string }
  readonly etag: string
}

const asset = (body: Buffer, type: string): Asset => {
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`
  return { body, etag, headers: { ...HEADERS, "content-type": type, etag } }
}

export interface PageConfig {
  readonly developmentLogin: boolean
  readonly prefix: string
  /** Questions that the assistant can answer, offered to a newcomer. */
  readonly suggestions: ReadonlyArray<string>
  readonly maxMessageLength: number
}

export type Route = (request: IncomingMessage, response: ServerResponse, path: string) => boolean

/** What the chat's routes and frames are, for programs. Made of the schemas that validate; see docs/protocol.md. */
const DESCRIPTIONS = ["openapi.json", "frames.schema.json"] as const

/**
 * Answers the page's paths, and says whether the path was one. `/config.json` tells the page how to sign in and where the chat is; below each
 * of the prefixes are the descriptions.
 */
export const pageRoutes = (config: PageConfig, prefixes: ReadonlyArray<string>): Route => {
  // One level up from here in the sources and in the build alike.
  const folder = new URL("../page/", import.meta.url)
  const descriptions = new URL("../descriptions/", import.meta.url)
  const assets = new Map(
    Object.entries(FILES).map(([path, file]) => {
      const type = TYPES[file.slice(file.lastIndexOf(".") + 1) as keyof typeof TYPES]
      return [path, asset(readFileSync(new URL(file, folder)), type)] as const
    }),
  )
  for (const file of DESCRIPTIONS) {
    const description = asset(readFileSync(new URL(file, descriptions)), "application/json; charset=utf-8")
    for (const prefix of prefixes) assets.set(`${prefix}/${file}`, description)
  }
  assets.set("/config.json", asset(Buffer.from(JSON.stringify(config)), "application/json; charset=utf-8"))

  return (request, response, path) => {
    const found = assets.get(path)
    if (found === undefined) return false
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { ...HEADERS, allow: "GET, HEAD", "content-length": 0 }).end()
    } else if (matches(request.headers["if-none-match"], found.etag)) {
      response.writeHead(304, found.headers).end()
    } else {
      response.writeHead(200, { ...found.headers, "content-length": found.body.length })
      response.end(request.method === "HEAD" ? undefined : found.body)
    }
    return true
  }
}

/** The list may be weak tags of a proxy that compressed the answer. */
const matches = (header: string | undefined, etag: string): boolean =>
  header?.split(",").some((tag) => tag.trim().replace(/^W\//u, "") === etag || tag.trim() === "*") === true
