import { realpathSync } from "node:fs"
import { dirname, join } from "node:path"

export const root = dirname(import.meta.dirname)

/** The command line that runs a tool of node_modules/.bin on the Node that runs this program. */
export const bin = (tool: string, ...args: ReadonlyArray<string>): ReadonlyArray<string> => [
  process.execPath,
  realpathSync(join(root, "node_modules", ".bin", tool)),
  ...args,
]

/** The command line that runs a script of this repository. */
export const script = (path: string, ...args: ReadonlyArray<string>): ReadonlyArray<string> => [
  process.execPath,
  ...process.execArgv,
  join(root, path),
  ...args,
]
