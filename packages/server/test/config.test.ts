import { describe, expect, it } from "vitest"
import { isLoopback, parseConfig } from "../src/config.ts"
import { SETTINGS } from "../src/settings.ts"

const SECRET = "s3cret-of-the-tests-32-bytes-long!"

const configOf = (env: Record<string, string | undefined>) => {
  const parsed = parseConfig(env)
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"))
  return parsed.config
}
const problemsOf = (env: Record<string, string | undefined>) => {
  const parsed = parseConfig(env)
  return parsed.ok ? [] : parsed.problems
}

describe("an empty environment", () => {
  it("is a server on loopback with SQLite, the embedded assistant and the development login", () => {
    expect(configOf({})).toEqual({
      port: 8080,
      host: "127.0.0.1",
      dataDir: "./data",
      storage: "sqlite",
      ai: [{ name: "knowledge", kind: "knowledge" }],
      knowledge: { paceMs: 20 },
      login: { kind: "development" },
      allowedOrigins: [],
      logLevel: "info",
      limits: { maxMessageLength: 5_000, maxAnswerLength: 100_000 },
      timing: {
        aiConnectTimeout: 10_000,
        aiFirstTokenTimeout: 15_000,
        aiIdleTimeout: 20_000,
        aiTotalTimeout: 120_000,
        sessionExpiry: 30 * 86_400_000,
        heartbeatInterval: 30_000,
        pongTimeout: 60_000,
        writeTimeout: 10_000,
        idleTimeout: 600_000,
      },
    })
  })

  it.each(Object.values(SETTINGS).filter((setting) => !("secret" in setting)))("is the same as an empty $name", ({ name }) => {
    expect(configOf({ [name]: " " })).toEqual(configOf({}))
  })
})

describe("a value that fits", () => {
  it.each([
    ["PORT", "0", { port: 0 }],
    ["PORT", " 65535 ", { port: 65_535 }],
    ["HOST", "localhost", { host: "localhost" }],
    ["HOST", "[::1]", { host: "::1" }],
    ["HOST", "127.8.0.1", { host: "127.8.0.1" }],
    ["PARLEY_DATA_DIR", "/var/lib/parley", { dataDir: "/var/lib/parley" }],
    ["PARLEY_STORAGE", "memory", { storage: "memory" }],
    [
      "PARLEY_AI",
      "docs:knowledge, knowledge",
      {
        ai: [
          { name: "docs", kind: "knowledge" },
          { name: "knowledge", kind: "knowledge" },
        ],
      },
    ],
    ["PARLEY_KNOWLEDGE_DIR", "./pages", { knowledge: { directory: "./pages", paceMs: 20 } }],
    ["PARLEY_KNOWLEDGE_PACE", "0", { knowledge: { paceMs: 0 } }],
    [
      "ALLOWED_ORIGINS",
      "https://a.example, http://localhost:3000",
      { allowedOrigins: ["https://a.example", "http://localhost:3000"] },
    ],
    ["LOG_LEVEL", "error", { logLevel: "error" }],
    ["AI_CONNECT_TIMEOUT", "1", { timing: { aiConnectTimeout: 1 } }],
    ["AI_FIRST_TOKEN_TIMEOUT", "2s", { timing: { aiFirstTokenTimeout: 2_000 } }],
    ["AI_IDLE_TIMEOUT", "3m", { timing: { aiIdleTimeout: 180_000 } }],
    ["AI_TOTAL_TIMEOUT", "24h", { timing: { aiTotalTimeout: 86_400_000 } }],
    ["SESSION_EXPIRY", "7d", { timing: { sessionExpiry: 604_800_000 } }],
    ["HEARTBEAT_INTERVAL", "1500ms", { timing: { heartbeatInterval: 1_500 } }],
    ["PONG_TIMEOUT", "1000", { timing: { pongTimeout: 1_000 } }],
    ["WRITE_TIMEOUT", "9s", { timing: { writeTimeout: 9_000 } }],
    ["IDLE_TIMEOUT", "1h", { timing: { idleTimeout: 3_600_000 } }],
    ["MAX_MESSAGE_LENGTH", "20000", { limits: { maxMessageLength: 20_000 } }],
    ["MAX_ANSWER_LENGTH", "1", { limits: { maxAnswerLength: 1 } }],
  ])("is taken: %s=%s", (name, value, expected) => {
    expect(configOf({ [name]: value })).toMatchObject(expected)
  })

  it("may be every variable's own default", () => {
    const written = Object.fromEntries(
      Object.values(SETTINGS).flatMap((setting) => ("fallback" in setting ? [[setting.name, setting.fallback]] : [])),
    )
    expect(configOf(written)).toEqual(configOf({}))
  })
})

describe("a value that does not fit", () => {
  it.each([
    ["PORT", "http", "a whole number from 0 to 65,535"],
    ["PORT", "65536", "a whole number from 0 to 65,535"],
    ["PORT", "-1", "a whole number from 0 to 65,535"],
    ["PORT", "080", "a whole number from 0 to 65,535"],
    ["PORT", "8e3", "a whole number from 0 to 65,535"],
    ["HOST", "http://127.0.0.1", "an IP address or a host name"],
    ["HOST", "local host", "an IP address or a host name"],
    ["PARLEY_DATA_DIR", "a\0b", "without NUL"],
    ["PARLEY_STORAGE", "disk", "one of: memory, sqlite"],
    ["PARLEY_STORAGE", "postgres", "not available in this version; available: memory, sqlite"],
    ["PARLEY_STORAGE", "redis", "not available in this version; available: memory, sqlite"],
    ["PARLEY_AI", "bedrock,knowledge", "names bedrock, which is not available in this version; available: knowledge, openai"],
    ["PARLEY_AI", "backup:bedrock", "names bedrock"],
    ["PARLEY_AI", "gemini", "names gemini"],
    ["PARLEY_AI", "parrot", "must be knowledge"],
    ["PARLEY_AI", "knowledge,", "must be knowledge"],
    ["PARLEY_AI", "knowledge,knowledge", "names knowledge twice"],
    ["PARLEY_AI", "a-b:openai,a_b:openai", "names a-b and a_b, which would share variables"],
    ["PARLEY_AI", "Openai", "must be knowledge or openai"],
    ["PARLEY_AI", "x:openai:chat", "must be knowledge or openai"],
    ["PARLEY_KNOWLEDGE_PACE", "fast", "milliseconds"],
    ["ALLOWED_ORIGINS", "app.example.com", "origins such as"],
    ["ALLOWED_ORIGINS", "https://app.example.com/", "without a path"],
    ["ALLOWED_ORIGINS", "*, https://app.example.com", "origins such as"],
    ["LOG_LEVEL", "verbose", "one of: trace, debug, info, warn, error"],
    ["AI_CONNECT_TIMEOUT", "0", "from 1ms to 1d"],
    ["AI_TOTAL_TIMEOUT", "2d", "from 1ms to 1d"],
    ["SESSION_EXPIRY", "1w", "ms, s, m, h or d"],
    ["SESSION_EXPIRY", "999", "from 1s to 3650d"],
    ["HEARTBEAT_INTERVAL", "1.5s", "milliseconds"],
    ["MAX_MESSAGE_LENGTH", "0", "a whole number from 1 to 20,000"],
    ["MAX_ANSWER_LENGTH", "1000001", "a whole number from 1 to 1,000,000"],
  ])("is refused with name, value and what is allowed: %s=%s", (name, value, allowed) => {
    const [problem, ...others] = problemsOf({ [name]: value })
    expect(others).toEqual([])
    expect(problem).toContain(`${name} is ${JSON.stringify(value)}`)
    expect(problem).toContain(allowed)
  })

  it("is shown cut when it is long", () => {
    expect(problemsOf({ PORT: "9".repeat(10_000) })[0]?.length).toBeLessThan(200)
  })

  it("is told together with all the others", () => {
    const problems = problemsOf({ PORT: "x", PARLEY_STORAGE: "disk", PARLEY_STOREAGE: "sqlite", HOST: "0.0.0.0" })
    expect(problems).toHaveLength(4)
  })
})

describe("a chain of servers", () => {
  const KEY = "sk-CanaryOfTheKey"

  it("reads what each entry needs from variables that begin with its name", () => {
    const env = {
      PARLEY_AI: "openai, backup-2:openai, knowledge",
      OPENAI_API_KEY: ` ${KEY} `,
      OPENAI_MODEL: "large",
      OPENAI_BASE_URL: "",
      BACKUP_2_API_KEY: "none",
      BACKUP_2_MODEL: "org/small:latest",
      BACKUP_2_BASE_URL: "http://127.0.0.1:8000/v1",
    }
    expect(configOf(env).ai).toEqual([
      { kind: "openai", name: "openai", apiKey: KEY, model: "large" },
      { kind: "openai", name: "backup-2", apiKey: "none", model: "org/small:latest", baseUrl: "http://127.0.0.1:8000/v1" },
      { kind: "knowledge", name: "knowledge" },
    ])
  })

  it("is refused with the names of all that is missing", () => {
    expect(problemsOf({ PARLEY_AI: "openai,backup:openai", BACKUP_MODEL: "small", OPENAI_API_KEY: " " })).toEqual([
      "OPENAI_API_KEY is not set; the entry openai of PARLEY_AI needs it.",
      "OPENAI_MODEL is not set; the entry openai of PARLEY_AI needs it.",
      "BACKUP_API_KEY is not set; the entry backup of PARLEY_AI needs it.",
    ])
  })

  it("is refused without showing a key, wherever it was put", () => {
    const problems = problemsOf({
      PARLEY_AI: "openai",
      OPENAI_API_KEY: `${KEY} ${KEY}`,
      OPENAI_MODEL: `${KEY}\0`,
      OPENAI_BASE_URL: `https://user:${KEY}@models.example.com/v1`,
    })
    expect(problems.map((problem) => problem.split(" ", 1)[0])).toEqual(["OPENAI_API_KEY", "OPENAI_MODEL", "OPENAI_BASE_URL"])
    expect(problems.join()).not.toContain("Canary")
  })

  it.each(["models.example.com/v1", "ftp://models.example.com", "file:///etc/passwd", "https://user@models.example.com"])(
    "has no server at %s",
    (url) => {
      const problems = problemsOf({ PARLEY_AI: "openai", OPENAI_API_KEY: KEY, OPENAI_MODEL: "large", OPENAI_BASE_URL: url })
      expect(problems).toEqual([expect.stringMatching(/^OPENAI_BASE_URL must be an http or https URL/u)])
    },
  )

  it("may have an entry called parley, and leaves the variables of absent entries alone", () => {
    const env = { PARLEY_AI: "parley:openai", PARLEY_API_KEY: KEY, PARLEY_MODEL: "large" }
    expect(configOf(env).ai).toEqual([{ kind: "openai", name: "parley", apiKey: KEY, model: "large" }])
    expect(configOf({ OPENAI_API_KEY: `${KEY} ${KEY}`, OPENAI_BASE_URL: "nowhere" })).toEqual(configOf({}))
    expect(problemsOf({ PARLEY_API_KEY: KEY })).toEqual([expect.stringMatching(/^PARLEY_API_KEY is no setting of this server/u)])
  })
})

describe("the login", () => {
  it("is by the public keys of a key set when it is named, and never by those and a secret", () => {
    const url = "https://id.example/keys"
    expect(configOf({ PARLEY_JWKS_URL: url }).login).toEqual({ kind: "jwks", url })
    expect(configOf({ PARLEY_JWKS_URL: url, PARLEY_JWT_ISSUER: "https://id" }).login).toEqual({
      kind: "jwks",
      url,
      issuer: "https://id",
    })
    expect(configOf({ PARLEY_JWKS_URL: "http://127.0.0.1:9000/keys" }).login.kind).toBe("jwks")
    expect(problemsOf({ PARLEY_JWKS_URL: url, PARLEY_JWT_SECRET: SECRET })).toEqual([expect.stringContaining("are both set")])
    for (const bad of ["http://id.example/keys", "nowhere", "file:///keys"])
      expect(problemsOf({ PARLEY_JWKS_URL: bad })).toEqual([expect.stringContaining("must be an https URL")])
  })

  it("checks tokens once there is a secret", () => {
    expect(configOf({ PARLEY_JWT_SECRET: SECRET }).login).toEqual({ kind: "jwt", secret: SECRET })
    expect(configOf({ PARLEY_JWT_SECRET: SECRET, PARLEY_JWT_ISSUER: "https://id", PARLEY_JWT_AUDIENCE: "chat" }).login).toEqual({
      kind: "jwt",
      secret: SECRET,
      issuer: "https://id",
      audience: "chat",
    })
  })

  it("lets the server listen for other machines only with a secret", () => {
    for (const HOST of ["0.0.0.0", "::", "192.168.1.2", "chat.example.com", "localhost.example.com"]) {
      expect(problemsOf({ HOST })).toEqual([expect.stringMatching(/HOST is .*Set PARLEY_JWT_SECRET/u)])
      expect(configOf({ HOST, PARLEY_JWT_SECRET: SECRET }).host).toBe(HOST)
      expect(configOf({ HOST, PARLEY_JWKS_URL: "https://id.example/keys" }).host).toBe(HOST)
    }
  })

  it("is not what an empty secret switches on", () => {
    expect(problemsOf({ PARLEY_JWT_SECRET: "" })).toEqual(["PARLEY_JWT_SECRET is set but empty; give it a value or unset it."])
  })

  it("refuses a short secret without showing it", () => {
    const problems = problemsOf({ PARLEY_JWT_SECRET: "hunter2hunter2" })
    expect(problems).toEqual([expect.stringContaining("PARLEY_JWT_SECRET has 14 bytes and needs at least 32")])
    expect(problems.join()).not.toContain("hunter2")
  })

  it("counts the bytes of the secret, not its letters", () => {
    expect(problemsOf({ PARLEY_JWT_SECRET: "ä".repeat(16) })).toEqual([])
    expect(problemsOf({ PARLEY_JWT_SECRET: "ä".repeat(15) })).toHaveLength(1)
  })

  it("lets pages of every origin in only with a secret", () => {
    expect(problemsOf({ ALLOWED_ORIGINS: "*" })).toEqual([expect.stringMatching(/ALLOWED_ORIGINS is "\*".*Name the origins/u)])
    expect(configOf({ ALLOWED_ORIGINS: "*", PARLEY_JWT_SECRET: SECRET }).allowedOrigins).toEqual(["*"])
  })

  it("needs the secret for an issuer or an audience", () => {
    expect(problemsOf({ PARLEY_JWT_ISSUER: "https://id", PARLEY_JWT_AUDIENCE: "chat" })).toHaveLength(2)
  })
})

describe("a name", () => {
  it("that is nearly one of ours is refused with the one that was meant", () => {
    expect(problemsOf({ PARLEY_STOREAGE: "sqlite" })).toEqual([
      "PARLEY_STOREAGE is no setting of this server; did you mean PARLEY_STORAGE?",
    ])
    expect(problemsOf({ PARLEY_PORT: "80" })).toEqual(["PARLEY_PORT is no setting of this server; did you mean PORT?"])
    expect(problemsOf({ PARLEY_FLUX_CAPACITOR: "1" })).toEqual(["PARLEY_FLUX_CAPACITOR is no setting of this server."])
  })

  it("that Kubernetes sets for a service called parley is no mistake", () => {
    const links = {
      PARLEY_SERVICE_HOST: "10.0.0.1",
      PARLEY_SERVICE_PORT: "80",
      PARLEY_SERVICE_PORT_HTTP: "80",
      PARLEY_PORT: "tcp://10.0.0.1:80",
      PARLEY_PORT_80_TCP: "tcp://10.0.0.1:80",
      PARLEY_PORT_80_TCP_ADDR: "10.0.0.1",
    }
    expect(configOf(links)).toEqual(configOf({}))
  })

  it("of somebody else is left alone", () => {
    expect(configOf({ PATH: "/bin", DATABASE_URL: "postgres://x" })).toEqual(configOf({}))
  })
})

it("asks whether the folder of knowledge is there", () => {
  const parsed = parseConfig({ PARLEY_KNOWLEDGE_DIR: "/nowhere", PORT: "x" }, { isFolder: () => false })
  expect(parsed.ok ? [] : parsed.problems).toEqual([
    expect.stringContaining("PORT"),
    'PARLEY_KNOWLEDGE_DIR is "/nowhere", which is no folder that can be read.',
  ])
})

it.each([
  ["127.0.0.1", true],
  ["127.255.255.254", true],
  ["::1", true],
  ["LocalHost", true],
  ["::ffff:127.0.0.1", true],
  ["0.0.0.0", false],
  ["::", false],
  ["128.0.0.1", false],
  ["127.0.0.1.example.com", false],
  ["localhost.example.com", false],
])("knows whether %s is loopback", (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback)
})
