/**
 * Full-text search over passages: SQLite's FTS5 in memory, ranked by BM25. The index holds words only; the passages
 * themselves stay here.
 */
import type { DatabaseSync } from "node:sqlite"
import type { Page, Passage } from "./passages.ts"
import { indexable } from "./question.ts"
import type { Term } from "./question.ts"

export interface Hit {
  readonly passage: Passage
  /** BM25 (turned round: higher is better) times the share of the question that the passage covers. Comparable inside one search only. */
  readonly score: number
}

export interface PassageIndex {
  readonly titles: ReadonlyArray<string>
  /** Best first; equal scores in the order of the folder. Nothing when too little of the question is covered. */
  readonly search: (terms: ReadonlyArray<Term>, limit: number) => ReadonlyArray<Hit>
}

/** A heading says what its passage is about; a word in it weighs as much as four in the text. */
const HEADING_WEIGHT = 4
/**
 * Below this share of the question, a hit is a word in common and no answer. A word that other passages have counts half
 * where it is missing: the question may ask for two things, while a word that none has asks for something else.
 */
const MIN_COVERAGE = 0.4
/** A second passage is shown only when it is nearly as good as the first. */
const MIN_OF_BEST = 0.4

interface Row {
  readonly rowid: number
  readonly bm25: number
}

/** Takes the pages one by one, so that the event loop is free between them. */
export const makePassageIndex = async (pages: AsyncIterable<Page>): Promise<PassageIndex> => {
  const { DatabaseSync: Database } = await import("node:sqlite")
  const database: DatabaseSync = new Database(":memory:")
  database.exec(
    `CREATE VIRTUAL TABLE passages USING fts5(path, body, content='', tokenize="porter unicode61 remove_diacritics 2")`,
  )
  const passages: Array<Passage> = []
  const titles = new Set<string>()
  const insert = database.prepare("INSERT INTO passages(rowid, path, body) VALUES (?, ?, ?)")
  database.exec("BEGIN")
  for await (const page of pages) {
    titles.add(page.title)
    for (const passage of page.passages) {
      insert.run(passages.length, indexable(passage.path.join("\n")), indexable(passage.blocks.join("\n\n")))
      passages.push(passage)
    }
  }
  database.exec("COMMIT")
  const select = database.prepare(
    `SELECT rowid, bm25(passages, ${HEADING_WEIGHT}, 1) AS bm25 FROM passages WHERE passages MATCH ? ORDER BY rowid`,
  )
  const matching = (expression: string) => select.all(expression) as unknown as ReadonlyArray<Row>

  const search = (terms: ReadonlyArray<Term>, form: "match" | "open", limit: number): ReadonlyArray<Hit> => {
    // A term that few passages have says more of the question; one that none has says most.
    const found = terms.map((term) => {
      const rows = matching(term[form])
      return { rows, partial: term.partial, weight: Math.log(1 + passages.length / Math.max(rows.length, 0.5)) }
    })
    let known = 0
    let unknown = 0
    for (const { rows, partial, weight } of found)
      if (rows.length > 0) known += weight
      else if (!partial) unknown += weight
    const sums = new Map<number, { bm25: number; weight: number }>()
    for (const { rows, weight } of found)
      for (const row of rows) {
        const sum = sums.get(row.rowid) ?? { bm25: 0, weight: 0 }
        sums.set(row.rowid, { bm25: sum.bm25 - row.bm25, weight: sum.weight + weight })
      }
    const hits: Array<{ readonly row: number; readonly score: number }> = []
    for (const [row, { bm25, weight }] of sums) {
      const coverage = weight / (weight + (known - weight) / 2 + unknown)
      if (coverage >= MIN_COVERAGE) hits.push({ row, score: bm25 * coverage })
    }
    hits.sort((a, b) => b.score - a.score || a.row - b.row)
    const best = hits[0]?.score ?? 0
    return hits
      .filter((hit) => hit.score >= best * MIN_OF_BEST)
      .slice(0, limit)
      .map((hit) => ({ passage: passages[hit.row] as Passage, score: hit.score }))
  }

  return {
    titles: [...titles],
    search: (terms, limit) => {
      if (terms.length === 0 || passages.length === 0) return []
      const exact = search(terms, "match", limit)
      return exact.length > 0 ? exact : search(terms, "open", limit)
    },
  }
}
