/**
 * The walls between packages that the linter cannot see: relative paths out of a package, the direction of the
 * dependencies in the manifests, exact versions, and comments that switch a wall off. What a single import may name
 * is decided in .oxlintrc.json.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve, sep } from "node:path"
import { root } from "../bin.ts"

/** Which packages of ours each package may depend on at run time. Tests may use the testkit besides. */
const mayDependOn: Readonly<Record<string, ReadonlyArray<string>>> = {
  core: [],
  adapters: ["core"],
  client: ["core"],
  testkit: ["core"],
  server: ["core", "adapters", "client"],
}

type Versions = Readonly<Record<string, string>>
interface Manifest {
  readonly workspaces?: ReadonlyArray<string>
  readonly dependencies?: Versions
  readonly devDependencies?: Versions
  readonly peerDependencies?: Versions
  readonly optionalDependencies?: Versions
}

const problems: Array<string> = []
const manifestOf = (folder: string) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest
const foldersWithManifest = (pattern: string) => globSync(`${pattern}/package.json`, { cwd: root }).map((file) => dirname(file))

const checkVersions = (folder: string) => {
  const { dependencies, devDependencies, peerDependencies, optionalDependencies } = manifestOf(folder)
  const all = { ...dependencies, ...devDependencies, ...peerDependencies, ...optionalDependencies }
  for (const [name, version] of Object.entries(all))
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      problems.push(`${folder}/package.json: ${name} is "${version}"; pin one exact version`)
}

const checkDirection = (folder: string) => {
  const name = folder.split(sep).at(-1)!
  const allowed = mayDependOn[name]
  if (allowed === undefined) {
    problems.push(`${folder}: say in scripts/check/boundaries.ts which packages it may depend on`)
    return
  }
  const { dependencies = {}, peerDependencies = {}, optionalDependencies = {} } = manifestOf(folder)
  const runtime = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })
  for (const dependency of runtime) {
    const ours = dependency.startsWith("@parley/")
    if (ours && !allowed.includes(dependency.slice("@parley/".length)))
      problems.push(`${folder}/package.json: ${name} may not depend on ${dependency}`)
    if (name === "core" && !ours && dependency !== "effect")
      problems.push(`${folder}/package.json: core depends on effect alone, not on ${dependency}`)
  }
}

const specifier = /(?:\bfrom|\bimport)\s*\(?\s*["'](\.{1,2}\/[^"']*)["']/g
const lineOf = (text: string, index: number) => text.slice(0, index).split("\n").length

/** A source file stays inside its `src`, which is all that is published; anything else stays inside its package. */
const checkPaths = (folder: string, file: string, text: string) => {
  const sources = join(folder, "src") + sep
  const home = file.startsWith(sources) ? sources : folder + sep
  for (const found of text.matchAll(specifier)) {
    const target = relative(root, resolve(root, dirname(file), found[1]!))
    if (!target.startsWith(home))
      problems.push(`${file}:${lineOf(text, found.index)}: "${found[1]}" leaves ${home}; import the package by its name`)
  }
}

const checkSwitches = (file: string, text: string) => {
  for (const found of text.matchAll(/(?:oxlint|eslint)-disable[\w-]*([^\n]*)/g))
    if (!/\w/.test(found[1]!) || /no-restricted-|no-cycle/.test(found[1]!))
      problems.push(
        `${file}:${lineOf(text, found.index)}: a comment may not switch off a boundary; name another rule or move the code`,
      )
}

const packages = foldersWithManifest("packages/*")
const examples = foldersWithManifest("examples/*")
for (const folder of [".", ...packages, ...examples]) checkVersions(folder)
for (const folder of packages) checkDirection(folder)
for (const folder of [...packages, ...examples]) {
  const files = globSync(`${folder}/**/*.{ts,tsx,mts,js,mjs}`, {
    cwd: root,
    exclude: (path) => /(?:^|[\\/])(?:node_modules|dist)$/.test(path),
  })
  for (const file of files) {
    if (!existsSync(join(root, file))) continue
    const text = readFileSync(join(root, file), "utf8")
    checkPaths(folder, file, text)
    if (file.startsWith(join(folder, "src") + sep)) checkSwitches(file, text)
  }
}

for (const problem of problems) console.log(problem)
process.exitCode = problems.length === 0 ? 0 : 1
