/**
 * What is written twice is kept equal here: pages and descriptions in docs and the code they tell of, the list of public exports and the
 * code, links and the files they name. `npm run check -- drift` judges; `node scripts/launch.mjs scripts/check/drift.ts --write` writes what can be generated.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { CLOSE_CODES, closeReaction, ERRORS } from "@parley/core/protocol"
import { root } from "../bin.ts"
import { framesSchema } from "./frames-schema.ts"
import { openapi } from "./openapi.ts"
import { protocolTables } from "./protocol-tables.ts"

const write = process.argv.includes("--write")
const problems: Array<string> = []

const generated = (file: string, content: string): void => {
  const path = join(root, file)
  if (write) return writeFileSync(path, content)
  if (!existsSync(path) || readFileSync(path, "utf8") !== content)
    problems.push(`${file} differs from the code it is made of; run: node scripts/launch.mjs scripts/check/drift.ts --write`)
}

/** A page whose tables stand between markers. */
const generatedTables = (file: string, tables: Readonly<Record<string, string>>): void => {
  let page = readFileSync(join(root, file), "utf8")
  for (const [name, table] of Object.entries(tables)) {
    const [before, after] = [`<!-- generated: ${name} -->\n`, "\n<!-- end -->"]
    const start = page.indexOf(before)
    const end = page.indexOf(after, start)
    if (start === -1 || end === -1) problems.push(`${file} has no place for the table "${name}"`)
    else page = page.slice(0, start + before.length) + table + page.slice(end)
  }
  generated(file, page)
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

const closeCodes: Readonly<Record<string, number>> = CLOSE_CODES
const REACTIONS = { reconnect: "connect again", refresh_token: "get a new token, then connect again", stop: "stop" }

const errorsPage = (): string =>
  [
    "# Errors",
    "",
    "One registry serves the wire, HTTP and the API: `packages/core/src/protocol/errors.ts`. This page is made from it.",
    "",
    "An error says `{ code, message, details?, retryAfter?, correlationId }`. On the wire it stands under `error` of an `error` frame, in HTTP under",
    "`error` of the body, in the API it is a `ParleyError`. `details.path` is a JSON pointer to the field at fault. `retryAfter` counts seconds.",
    "The correlation id stands in the server's log too. Codes are added, never renamed or given another meaning.",
    "",
    "| code | status | repeat? | what happened | what to do |",
    "| --- | --- | --- | --- | --- |",
    ...Object.entries(ERRORS).map(
      ([code, { status, retryable, message, action }]) =>
        `| \`${code}\` | ${status} | ${retryable ? "yes" : "no"} | ${message} | ${action} |`,
    ),
    "",
    "## Close codes",
    "",
    "The range decides what a client does, so that an old client reacts rightly to a new code: 4400 to 4499 get a new token, 4500 to 4999 stop,",
    "everything else connects again. An event stream says code and reason in its last frame, `closed`.",
    "",
    "| code | reason | the client |",
    "| --- | --- | --- |",
    ...Object.entries(closeCodes).map(([reason, code]) => `| ${code} | \`${reason}\` | ${REACTIONS[closeReaction(code)]} |`),
    "",
  ].join("\n")

/** Every entry point that is not private, and the names it exports at run time. */
const exportsList = async (): Promise<string> => {
  const lists: Record<string, ReadonlyArray<string>> = {}
  for (const manifest of globSync("packages/*/package.json", { cwd: root }).toSorted()) {
    const { name, exports = {} } = JSON.parse(readFileSync(join(root, manifest), "utf8")) as {
      readonly name: string
      readonly exports?: Readonly<Record<string, unknown>>
    }
    for (const [path, target] of Object.entries(exports)) {
      if (target === null || path.includes("*")) continue
      const entry = name + path.slice(1)
      const module = (await import(entry)) as object
      lists[entry] = Object.keys(module).toSorted()
    }
  }
  return `${JSON.stringify(lists, undefined, 2)}\n`
}

const brokenLinks = (): void => {
  const pages = globSync(["*.md", "docs/**/*.md", "packages/*/*.md", "examples/*/*.md"], {
    cwd: root,
    exclude: (path) => path.includes("node_modules"),
  })
  for (const page of pages)
    for (const [, target = ""] of readFileSync(join(root, page), "utf8").matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/gu)) {
      if (/^[a-z]+:/u.test(target)) continue
      const path = join(root, dirname(page), target)
      if (!existsSync(path)) problems.push(`${page} links to ${relative(root, path)}, which does not exist`)
    }
}

generated("docs/errors.md", errorsPage())
generatedTables("docs/protocol.md", protocolTables())
for (const [file, description] of [
  ["frames.schema.json", framesSchema()],
  ["openapi.json", openapi()],
] as const) {
  generated(`docs/${file}`, json(description))
  // Once more where the server's package can take it along.
  generated(`packages/server/descriptions/${file}`, `${JSON.stringify(description)}\n`)
}
generated("scripts/check/exports.json", await exportsList())
brokenLinks()
if (problems.length > 0) console.log(problems.join("\n"))
process.exitCode = problems.length === 0 ? 0 : 1
