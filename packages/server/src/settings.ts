/** Every environment variable of the server, in one table: what main reads, and what docs/configuration.md lists. */
import { DEFAULT_LIMITS, DEFAULT_TIMING } from "@parley/core"
import { variablePrefix } from "./provider-settings.ts"
import { anyText, duration, oneOf, type Read, type Setting, wholeNumber } from "./setting.ts"

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error"] as const
export type LogLevelName = (typeof LOG_LEVELS)[number]

/** One entry of PARLEY_AI; what it needs besides stands in variables of its own (`provider-settings.ts`). */
export interface AiEntry {
  readonly name: string
  readonly kind: "knowledge" | "openai"
}

const AI_KINDS = ["knowledge", "openai"] as const
const LATER_AI_KINDS: ReadonlyArray<string> = ["bedrock", "gemini"]
const AI_NAME = /^[a-z][a-z0-9_-]{0,31}$/u

const readChain = (text: string): Read<ReadonlyArray<AiEntry>> => {
  const chain: Array<AiEntry> = []
  for (const entry of text.split(",").map((part) => part.trim())) {
    const [name = "", given = name, ...rest] = entry.split(":")
    if (LATER_AI_KINDS.includes(given))
      return { problem: `names ${given}, which is not available in this version; available: ${AI_KINDS.join(", ")}` }
    const kind = AI_KINDS.find((one) => one === given)
    if (kind === undefined || !AI_NAME.test(name) || rest.length > 0)
      return { problem: `must be ${AI_KINDS.join(" or ")}, or name:kind, or several of them with commas between` }
    const twin = chain.find((other) => variablePrefix(other.name) === variablePrefix(name))
    if (twin !== undefined)
      return {
        problem: twin.name === name ? `names ${name} twice` : `names ${twin.name} and ${name}, which would share variables`,
      }
    chain.push({ name, kind })
  }
  return { value: chain }
}

const readOrigins = (text: string): Read<ReadonlyArray<string>> => {
  if (text === "*") return { value: ["*"] }
  const origins: Array<string> = []
  for (const entry of text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")) {
    const url = URL.canParse(entry) ? new URL(entry) : undefined
    // A path or a trailing slash would never equal what a browser sends.
    if (url === undefined || !/^https?:$/u.test(url.protocol) || entry.toLowerCase() !== url.origin)
      return { problem: "must be origins such as https://app.example.com with commas between, without a path, or * alone" }
    origins.push(url.origin)
  }
  return { value: origins }
}

const readHost = (text: string): Read<string> =>
  /^(\[[0-9a-fA-F:.]+\]|[0-9a-fA-F:]*:[0-9a-fA-F:.]*|[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)$/u.test(text)
    ? { value: text.replace(/^\[(.*)\]$/u, "$1") }
    : { problem: "must be an IP address or a host name, without scheme and port" }

/** RFC 7518 §3.2: the key of HS256 is no shorter than its hash. */
const MIN_SECRET_BYTES = 32

const readSecret = (text: string): Read<string> => {
  const bytes = new TextEncoder().encode(text).length
  return bytes >= MIN_SECRET_BYTES && text.isWellFormed()
    ? { value: text }
    : { problem: `has ${bytes} bytes and needs at least ${MIN_SECRET_BYTES}; make one with: openssl rand -base64 48` }
}

const readKeySetUrl = (text: string): Read<string> => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const local = url !== undefined && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname)
  return url?.protocol === "https:" || (url?.protocol === "http:" && local)
    ? { value: text }
    : { problem: "must be an https URL, or http on this machine" }
}

const DAY = 86_400_000

/** Keeps the type of the value next to the name it is read from. */
const setting = <A>(name: string, meaning: string, reader: Pick<Setting<A>, "allowed" | "read">) => ({ name, meaning, ...reader })
const withDefault = <A>(fallback: string | number, from: Setting<A>) => ({ ...from, fallback: String(fallback) })

export const SETTINGS = {
  port: withDefault(8080, setting("PORT", "Port to listen on; 0 takes any free one.", wholeNumber(0, 65_535))),
  host: withDefault(
    "127.0.0.1",
    setting(
      "HOST",
      "Address to listen on. Other machines reach only a non-loopback one, which needs PARLEY_JWT_SECRET or PARLEY_JWKS_URL.",
      {
        allowed: "an IP address or a host name",
        read: readHost,
      },
    ),
  ),
  dataDir: withDefault(
    "./data",
    setting("PARLEY_DATA_DIR", "Folder of the database; made when it is not there.", anyText("a path")),
  ),
  storage: withDefault(
    "sqlite",
    setting(
      "PARLEY_STORAGE",
      "Where conversations are kept; memory forgets them at the end.",
      oneOf(["memory", "sqlite"], ["postgres", "redis"]),
    ),
  ),
  ai: withDefault(
    "knowledge",
    setting("PARLEY_AI", "Who answers in sessions, in the order they are tried.", {
      allowed: "knowledge or openai, or name:kind such as backup:openai, several with commas between",
      read: readChain,
    }),
  ),
  knowledgeDir: setting(
    "PARLEY_KNOWLEDGE_DIR",
    "Folder of Markdown pages that the embedded assistant quotes. Without it: pages about Parley.",
    anyText("a path"),
  ),
  knowledgePace: withDefault(
    20,
    setting(
      "PARLEY_KNOWLEDGE_PACE",
      "Pause of the embedded assistant between two words and the next two; 0 sends a text at once.",
      duration(0, 10_000),
    ),
  ),
  jwtSecret: {
    ...setting("PARLEY_JWT_SECRET", "Secret that tokens are signed with (HS256). With it the development login is off.", {
      allowed: "at least 32 bytes",
      read: readSecret,
    }),
    secret: true as const,
  },
  jwksUrl: setting(
    "PARLEY_JWKS_URL",
    "Where the public keys are that tokens are signed with (RS256 or ES256). Instead of a secret.",
    { allowed: "an https URL, or http on this machine", read: readKeySetUrl },
  ),
  jwtIssuer: setting("PARLEY_JWT_ISSUER", "The `iss` that every token must carry. Without it: any.", anyText("a text", 512)),
  jwtAudience: setting("PARLEY_JWT_AUDIENCE", "A value that `aud` must be or contain. Without it: any.", anyText("a text", 512)),
  allowedOrigins: withDefault(
    "",
    setting("ALLOWED_ORIGINS", "Web origins whose pages may connect, besides the server's own.", {
      allowed:
        "origins such as https://app.example.com, several with commas between; * for all, with PARLEY_JWT_SECRET or PARLEY_JWKS_URL only",
      read: readOrigins,
    }),
  ),
  logLevel: withDefault("info", setting("LOG_LEVEL", "Least important entries to log.", oneOf(LOG_LEVELS))),
  aiConnectTimeout: withDefault(
    DEFAULT_TIMING.aiConnectTimeout,
    setting("AI_CONNECT_TIMEOUT", "Until a provider has accepted a request.", duration(1, DAY)),
  ),
  aiFirstTokenTimeout: withDefault(
    DEFAULT_TIMING.aiFirstTokenTimeout,
    setting("AI_FIRST_TOKEN_TIMEOUT", "Until the first words of an answer.", duration(1, DAY)),
  ),
  aiIdleTimeout: withDefault(
    DEFAULT_TIMING.aiIdleTimeout,
    setting("AI_IDLE_TIMEOUT", "Between two pieces of an answer.", duration(1, DAY)),
  ),
  aiTotalTimeout: withDefault(
    DEFAULT_TIMING.aiTotalTimeout,
    setting("AI_TOTAL_TIMEOUT", "From the request to the end of the answer.", duration(1, DAY)),
  ),
  maxMessageLength: withDefault(
    DEFAULT_LIMITS.maxMessageLength,
    // Three bytes a code unit: the longest message must fit into one frame.
    setting("MAX_MESSAGE_LENGTH", "Longest message of a person, in UTF-16 code units.", wholeNumber(1, 20_000)),
  ),
  maxAnswerLength: withDefault(
    DEFAULT_LIMITS.maxAnswerLength,
    setting("MAX_ANSWER_LENGTH", "Longest answer, in UTF-16 code units; a longer one is cut.", wholeNumber(1, 1_000_000)),
  ),
  sessionExpiry: withDefault(
    "30d",
    setting(
      "SESSION_EXPIRY",
      "A session without a message for this long expires; it stays readable.",
      duration(1_000, 3_650 * DAY),
    ),
  ),
  heartbeatInterval: withDefault(
    DEFAULT_TIMING.heartbeatInterval,
    setting("HEARTBEAT_INTERVAL", "Between two pings of a connection.", duration(1_000, DAY)),
  ),
  pongTimeout: withDefault(
    DEFAULT_TIMING.pongTimeout,
    setting("PONG_TIMEOUT", "A connection without a sign of life for this long after a ping is closed.", duration(1_000, DAY)),
  ),
  writeTimeout: withDefault(
    DEFAULT_TIMING.writeTimeout,
    setting(
      "WRITE_TIMEOUT",
      "A connection that takes nothing for this long while something waits is closed.",
      duration(1_000, DAY),
    ),
  ),
  idleTimeout: withDefault(
    DEFAULT_TIMING.idleTimeout,
    setting("IDLE_TIMEOUT", "A connection that follows nothing and asks nothing for this long is closed.", duration(1_000, DAY)),
  ),
}

export type SettingKey = keyof typeof SETTINGS
type Present = { readonly fallback: string }
type ValueOf<S> = S extends Setting<infer A> ? A : never
/** What was read, by key; a setting without a default may be absent. */
export type Values = {
  readonly [K in SettingKey]: (typeof SETTINGS)[K] extends Present
    ? ValueOf<(typeof SETTINGS)[K]>
    : ValueOf<(typeof SETTINGS)[K]> | undefined
}
