/**
 * A folder of Markdown files and the index of what it holds now. The first question reads it; later ones look, at most
 * every few seconds, whether a file changed, and read again when so. Questions that come together share one reading.
 */
import { readFile, readdir, stat } from "node:fs/promises"
import { join, sep } from "node:path"
import { makePassageIndex } from "./passage-index.ts"
import type { PassageIndex } from "./passage-index.ts"
import { readPage } from "./passages.ts"
import type { Page } from "./passages.ts"

export interface KnowledgeFolder {
  /** The index as of now (milliseconds of the caller's clock), or a little earlier. Rejects when the folder cannot be read. */
  readonly index: (now: number) => Promise<PassageIndex>
}

const RECHECK_AFTER = 2_000

interface Listed {
  readonly file: string
  /** Moves when the content does. */
  readonly version: string
}

/** What vanishes between listing and reading was deleted: it is no fault of the folder. */
const unlessGone = async <A>(read: Promise<A>): Promise<A | undefined> => {
  try {
    return await read
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw cause
  }
}

/** In the order of the names, so that the same folder gives the same answers. Hidden files and folders are not knowledge. */
const list = async (directory: string): Promise<ReadonlyArray<Listed>> => {
  const names = await readdir(directory, { recursive: true })
  const files = names
    .map((name) => name.split(sep).join("/"))
    .filter((name) => /\.md$/i.test(name) && !name.split("/").some((segment) => segment.startsWith(".")))
    .toSorted()
  const listed = await Promise.all(
    files.map(async (file): Promise<ReadonlyArray<Listed>> => {
      // Follows links: configuration is often mounted as links to the real files.
      const found = await unlessGone(stat(join(directory, file)))
      return found?.isFile() ? [{ file, version: `${found.mtimeMs}:${found.ctimeMs}:${found.size}:${found.ino}` }] : []
    }),
  )
  return listed.flat()
}

/** One after the other: a large folder must not take the machine's file handles from the connections. */
async function* pagesOf(directory: string, listed: ReadonlyArray<Listed>): AsyncGenerator<Page> {
  for (const { file } of listed) {
    const text = await unlessGone(readFile(join(directory, file), "utf8"))
    if (text !== undefined) yield readPage(file, text)
  }
}

export const knowledgeFolder = (directory: string): KnowledgeFolder => {
  let current: { readonly index: PassageIndex; readonly versions: string } | undefined
  let checkedAt = 0
  let checking: Promise<PassageIndex> | undefined

  const check = async (now: number): Promise<PassageIndex> => {
    const listed = await list(directory)
    const versions = listed.map(({ file, version }) => `${file}\0${version}`).join("\n")
    if (current?.versions !== versions) current = { index: await makePassageIndex(pagesOf(directory, listed)), versions }
    checkedAt = now
    return current.index
  }
  return {
    index: (now) => {
      // A clock that went back must not keep the folder from being read again.
      const fresh = current !== undefined && now >= checkedAt && now - checkedAt < RECHECK_AFTER
      if (fresh && current !== undefined) return Promise.resolve(current.index)
      checking ??= check(now).finally(() => (checking = undefined))
      return checking
    },
  }
}
