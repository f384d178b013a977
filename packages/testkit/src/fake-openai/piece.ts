/** One event of a stream, as bytes, with what it is for: faults are placed by it. */
export interface Piece {
  readonly role: "start" | "delta" | "between" | "marker" | "usage" | "done" | "extra"
  readonly bytes: string
}

export interface Asked {
  readonly model: string
  readonly includeUsage: boolean
}
