/** Frames on their way out. */

/**
 * Frames that go out together, to one connection or to thousands. The transport that sends it first keeps its encoding here under its own name,
 * so that an event is framed once however many read it.
 */
export interface Batch {
  readonly frames: ReadonlyArray<string>
  /** UTF-16 code units: a cheap lower bound of the bytes. */
  readonly length: number
  readonly encodings: { [transport: string]: unknown }
}

export const batchOf = (frames: ReadonlyArray<string>): Batch => {
  let length = 0
  for (const frame of frames) length += frame.length
  return { frames, length, encodings: {} }
}

/** What happened to a conversation in one tick, in order. */
export interface LiveEntry {
  readonly text: string
  /** The change a reader stands at after it; absent for a piece of an answer's text. */
  readonly upTo?: number
  readonly delta?: { readonly answer: string; readonly revision: number; readonly offset: number; readonly end: number }
}

export interface LiveBatch {
  readonly batch: Batch
  readonly entries: ReadonlyArray<LiveEntry>
  /** A reader who stands here takes the batch whole. */
  readonly after: number
  readonly upTo: number
}

export const liveBatchOf = (entries: ReadonlyArray<LiveEntry>, after: number, upTo: number): LiveBatch => ({
  batch: batchOf(entries.map((entry) => entry.text)),
  entries,
  after,
  upTo,
})
