/**
 * From the environment to a configuration that can be trusted, or to everything that is wrong with it at once.
 *
 * Two rules go beyond single values: a server that other machines can reach must check tokens, and a name that begins with PARLEY_ and
 * is none of ours is a typing mistake, not a wish to be ignored.
 */
import { BlockList, isIP } from "node:net"
import type { Limits, Timing } from "@parley/core"
import { openAiSettings, variablePrefix } from "./provider-settings.ts"
import type { Setting } from "./setting.ts"
import { type AiEntry, type LogLevelName, type SettingKey, SETTINGS, type Values } from "./settings.ts"

export type Login =
  | { readonly kind: "development" }
  | { readonly kind: "jwks"; readonly url: string; readonly issuer?: string; readonly audience?: string }
  | { readonly kind: "jwt"; readonly secret: string; readonly issuer?: string; readonly audience?: string }

/** One who answers, with all it needs. */
export type AiTarget =
  | { readonly kind: "knowledge"; readonly name: string }
  | {
      readonly kind: "openai"
      readonly name: string
      readonly apiKey: string
      readonly model: string
      readonly baseUrl?: string
    }

export interface Config {
  readonly port: number
  readonly host: string
  readonly dataDir: string
  readonly storage: "memory" | "sqlite"
  /** In the order they are tried. */
  readonly ai: ReadonlyArray<AiTarget>
  readonly knowledge: { readonly directory?: string; readonly paceMs: number }
  readonly login: Login
  readonly allowedOrigins: ReadonlyArray<string>
  readonly logLevel: LogLevelName
  readonly limits: Partial<Limits>
  readonly timing: Partial<Timing>
}

export type ParsedConfig =
  | { readonly ok: true; readonly config: Config }
  /** One sentence each, for people; no secret's value stands in any. */
  | { readonly ok: false; readonly problems: ReadonlyArray<string> }

export type Environment = { readonly [name: string]: string | undefined }

export interface ParseHost {
  /** Whether a path is a folder that can be read. Asked once, so that a missing folder is told with all the rest. */
  readonly isFolder: (path: string) => boolean
}

export const parseConfig = (env: Environment, { isFolder }: ParseHost = { isFolder: () => true }): ParsedConfig => {
  const problems: Array<string> = []
  const read = (Object.keys(SETTINGS) as ReadonlyArray<SettingKey>).map((key) => [key, readSetting(env, SETTINGS[key], problems)])
  // Each value was made by the reader of its key, and absent ones were read from their default.
  const values = Object.fromEntries(read) as unknown as Values
  // Absent when it was refused.
  const entries = (values.ai as Values["ai"] | undefined) ?? []
  const ai = entries.map((entry) => readTarget(env, entry, problems))
  problems.push(...unknownNames(env, entries))

  const { host, jwtSecret, jwksUrl, jwtIssuer, jwtAudience, knowledgeDir } = values
  const given = ({ name }: { readonly name: string }) => (env[name] ?? "").trim() !== ""
  const urlGiven = given(SETTINGS.jwksUrl)
  const tokensChecked = env[SETTINGS.jwtSecret.name] !== undefined || urlGiven
  if (given(SETTINGS.jwtSecret) && urlGiven)
    problems.push(
      `${SETTINGS.jwtSecret.name} and ${SETTINGS.jwksUrl.name} are both set; tokens are checked with a secret or with public keys, never with either.`,
    )
  for (const { name } of [SETTINGS.jwtIssuer, SETTINGS.jwtAudience])
    if (!tokensChecked && given({ name }))
      problems.push(
        `${name} is set, but neither ${SETTINGS.jwtSecret.name} nor ${SETTINGS.jwksUrl.name}; tokens cannot be checked without one.`,
      )
  if (host !== undefined && !tokensChecked && !isLoopback(host))
    problems.push(
      `HOST is "${host}", which other machines can reach, and there is no PARLEY_JWT_SECRET or PARLEY_JWKS_URL: anybody could sign in as anybody. ` +
        "Set PARLEY_JWT_SECRET (openssl rand -base64 48), or keep HOST on 127.0.0.1.",
    )
  if (!tokensChecked && values.allowedOrigins?.includes("*") === true)
    problems.push(
      'ALLOWED_ORIGINS is "*", but there is no PARLEY_JWT_SECRET or PARLEY_JWKS_URL: every page in your browser could sign in as anybody. Name the origins.',
    )
  if (knowledgeDir !== undefined && !isFolder(knowledgeDir))
    problems.push(`PARLEY_KNOWLEDGE_DIR is "${knowledgeDir}", which is no folder that can be read.`)
  if (problems.length > 0) return { ok: false, problems }

  const expected = {
    ...(jwtIssuer === undefined ? {} : { issuer: jwtIssuer }),
    ...(jwtAudience === undefined ? {} : { audience: jwtAudience }),
  }
  const login: Login =
    jwksUrl !== undefined
      ? { kind: "jwks", url: jwksUrl, ...expected }
      : jwtSecret !== undefined
        ? { kind: "jwt", secret: jwtSecret, ...expected }
        : { kind: "development" }
  const { port, dataDir, storage, allowedOrigins, logLevel, knowledgePace } = values
  return {
    ok: true,
    config: {
      port,
      host,
      dataDir,
      storage,
      // A target that lacks something left a problem above.
      ai: ai.filter((target) => target !== undefined),
      knowledge: { paceMs: knowledgePace, ...(knowledgeDir === undefined ? {} : { directory: knowledgeDir }) },
      login,
      allowedOrigins,
      logLevel,
      limits: { maxMessageLength: values.maxMessageLength, maxAnswerLength: values.maxAnswerLength },
      timing: {
        aiConnectTimeout: values.aiConnectTimeout,
        aiFirstTokenTimeout: values.aiFirstTokenTimeout,
        aiIdleTimeout: values.aiIdleTimeout,
        aiTotalTimeout: values.aiTotalTimeout,
        sessionExpiry: values.sessionExpiry,
        heartbeatInterval: values.heartbeatInterval,
        pongTimeout: values.pongTimeout,
        writeTimeout: values.writeTimeout,
        idleTimeout: values.idleTimeout,
      },
    },
  }
}

const readSetting = (env: Environment, setting: Setting<unknown>, problems: Array<string>): unknown => {
  const { name, fallback, secret } = setting
  const given = env[name]
  const text = given?.trim() ?? ""
  if (secret === true && given !== undefined && text === "") {
    problems.push(`${name} is set but empty; give it a value or unset it.`)
    return undefined
  }
  if (text === "" && fallback === undefined) return undefined
  const result = setting.read(text === "" ? (fallback as string) : text)
  if ("value" in result) return result.value
  problems.push(secret === true ? `${name} ${result.problem}.` : `${name} is ${quoted(text)}, but ${result.problem}.`)
  return undefined
}

const readTarget = (env: Environment, { name, kind }: AiEntry, problems: Array<string>): AiTarget | undefined => {
  if (kind === "knowledge") return { kind, name }
  const settings = openAiSettings(variablePrefix(name))
  // No value is shown: a key may stand in a URL too, and in the wrong variable.
  const read = <A>(setting: Setting<A>, required: boolean): A | undefined => {
    const text = env[setting.name]?.trim() ?? ""
    if (text === "") {
      if (required) problems.push(`${setting.name} is not set; the entry ${name} of ${SETTINGS.ai.name} needs it.`)
      return undefined
    }
    const result = setting.read(text)
    if ("value" in result) return result.value
    problems.push(`${setting.name} ${result.problem}.`)
    return undefined
  }
  const apiKey = read(settings.apiKey, true)
  const model = read(settings.model, true)
  const baseUrl = read(settings.baseUrl, false)
  if (apiKey === undefined || model === undefined) return undefined
  return { kind, name, apiKey, model, ...(baseUrl === undefined ? {} : { baseUrl }) }
}

const SHOWN_LENGTH = 80
const quoted = (text: string): string => JSON.stringify(text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text)

/** Read by the test runner of this repository. */
const NOT_OURS = new Set(["PARLEY_CHROMIUM", "PARLEY_STRACE"])
/** What Kubernetes sets in every pod when a service is called "parley". */
const SERVICE_LINK = /^PARLEY_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/u

const unknownNames = (env: Environment, entries: ReadonlyArray<AiEntry>): ReadonlyArray<string> => {
  const ofEntries = entries.flatMap(({ name }) => Object.values(openAiSettings(variablePrefix(name))))
  const known = [...Object.values(SETTINGS), ...ofEntries].map(({ name }) => name)
  return Object.keys(env)
    .filter((name) => name.startsWith("PARLEY_") && !known.includes(name) && !NOT_OURS.has(name) && !SERVICE_LINK.test(name))
    .filter((name) => !(name === "PARLEY_PORT" && env[name]?.includes("://") === true))
    .toSorted()
    .map((name) => {
      const near = known.find((candidate) => candidate === name.slice("PARLEY_".length)) ?? nearest(name, known)
      return `${name} is no setting of this server${near === undefined ? "." : `; did you mean ${near}?`}`
    })
}

const nearest = (name: string, known: ReadonlyArray<string>): string | undefined => {
  const [best] = known.map((candidate) => ({ candidate, far: distance(name, candidate) })).toSorted((a, b) => a.far - b.far)
  return best !== undefined && best.far <= 3 ? best.candidate : undefined
}

/** Letters to add, drop or change. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)),
      )
    row = next
  }
  return row[b.length] as number
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4")
LOOPBACK.addAddress("::1", "ipv6")

/** Only this machine reaches it. A name other than localhost may resolve to anything, so it does not count. */
export const isLoopback = (host: string): boolean => {
  const family = isIP(host)
  return family === 0 ? host.toLowerCase() === "localhost" : LOOPBACK.check(host, family === 4 ? "ipv4" : "ipv6")
}
