/**
 * The packages as strangers get them: built, packed, and installed into an empty project, without our sources, conditions or workspaces.
 */
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const project = mkdtempSync(join(tmpdir(), "parley-packed-"))
const PACKAGES = ["core", "adapters", "server", "testkit"]

/** Without the flags that let tests run from the sources: a stranger's Node has none. */
const env = { ...process.env, NODE_OPTIONS: "" }
const run = async (program: string, args: ReadonlyArray<string>, cwd: string): Promise<string> => {
  try {
    return (await promisify(execFile)(program, [...args], { cwd, env, maxBuffer: 1 << 24 })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${program} ${args.join(" ")} failed:\n${stdout ?? ""}${stderr ?? ""}`, { cause: error })
  }
}
const tsc = join(root, "node_modules/.bin/tsc")
const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as { readonly version: string }).version

beforeAll(async () => {
  await run(tsc, ["-b"], root)
  const packed = await run(
    "npm",
    ["pack", "--json", "--pack-destination", project, ...PACKAGES.flatMap((name) => ["-w", `packages/${name}`])],
    root,
  )
  const tarballs = Object.values(JSON.parse(packed) as Record<string, { readonly name: string; readonly filename: string }>)
  const dependencies = Object.fromEntries(tarballs.map(({ name, filename }) => [name, `file:${filename}`]))
  for (const name of ["effect", "ws", "jose", "vitest"]) dependencies[name] = versionOf(name)
  const devDependencies = { "@types/node": versionOf("@types/node") }
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "stranger", type: "module", dependencies, devDependencies }),
  )
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], project)
}, 240_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

test("answers in an empty project, from the emitted JavaScript alone", async () => {
  writeFileSync(
    join(project, "chat.mjs"),
    `import { createChat } from "@parley/core"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { sqlite } from "@parley/adapters/sqlite"
const chat = await createChat({ storage: sqlite({ directory: "./data" }), ai: [knowledgeAssistant({ paceMs: 0 })] })
const me = chat.as({ userId: "ann" })
const { id } = await me.createSession()
const { answerId } = await me.send(id, "What is Parley?")
for await (const frame of me.subscribe(id))
  if ("item" in frame && frame.item.id === answerId && frame.item.answer.state === "complete") break
const { messages } = await me.history(id)
console.log(JSON.stringify(messages.map((message) => [message.seq, message.parts[0].text])))
await chat.close()
`,
  )
  const messages = JSON.parse(await run(process.execPath, ["chat.mjs"], project)) as ReadonlyArray<[number, string]>
  expect(messages.map(([seq]) => seq)).toEqual([1, 2])
  expect(messages[1]?.[1]).toContain("Parley")
})

test("loads no SDK, socket or server with the core, nor with an adapter before its first use", async () => {
  const loaded = async (entry: string): Promise<ReadonlyArray<string>> => {
    writeFileSync(
      join(project, "loaded.mjs"),
      `import { registerHooks } from "node:module"
const packages = new Set()
registerHooks({ load: (url, context, next) => {
  const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)\\/(?!.*node_modules)/.exec(url)?.[1]
  if (name !== undefined) packages.add(name)
  return next(url, context)
} })
await import(${JSON.stringify(entry)})
console.log(JSON.stringify([...packages].sort()))
`,
    )
    return JSON.parse(await run(process.execPath, ["loaded.mjs"], project)) as ReadonlyArray<string>
  }
  expect(await loaded("@parley/core")).toEqual(["@parley/core", "effect"])
  for (const adapter of ["memory", "sqlite", "knowledge", "http", "jwt", "openai"])
    expect(await loaded(`@parley/adapters/${adapter}`), adapter).toEqual(["@parley/adapters", "@parley/core", "effect"])
}, 60_000)

test("shows a plain TypeScript project the right types", async () => {
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { target: "es2024", module: "nodenext", strict: true, noEmit: true, skipLibCheck: true, types: ["node"] },
      files: ["index.ts"],
    }),
  )
  const source = (wrong: boolean): string => `import { createServer } from "node:http"
import { createChat, type Chat, ParleyError } from "@parley/core"
import { ERRORS } from "@parley/core/protocol"
import { serve } from "@parley/adapters/http"
import { memory } from "@parley/adapters/memory"
import { parley } from "@parley/server"
import { conversationLogCases } from "@parley/testkit"
const chat: Chat = await createChat({ storage: memory() })
const sent: { readonly messageId: string; readonly seq: number } = await chat.as({ userId: "ann" }).send("ses_1", ${wrong ? "42" : '"hello"'})
serve(chat, createServer())
export const all = [sent, ERRORS.overloaded.status satisfies number, ParleyError.is(sent), parley, conversationLogCases]
`
  writeFileSync(join(project, "index.ts"), source(false))
  await run(tsc, ["-p", "."], project)
  writeFileSync(join(project, "index.ts"), source(true))
  await expect(run(tsc, ["-p", "."], project)).rejects.toThrow(/TS2345/u)
}, 60_000)
