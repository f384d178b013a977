/**
 * A position in one conversation's log, written `<epoch>.<change>`. The epoch is opaque and names
 * the store's history: it changes with a restore or whatever else lost data, so that a shorter log is never
 * taken for the same one. Clients form cursors from the frames they hold.
 */
export interface Cursor {
  readonly epoch: string
  readonly change: number
}

/** Epochs are short words of letters and digits; the check keeps log lines and URLs clean. */
const CURSOR = /^([0-9A-Za-z]{1,32})\.(0|[1-9][0-9]{0,15})$/u

export const formatCursor = (cursor: Cursor): string => `${cursor.epoch}.${cursor.change}`

/** `undefined` for whatever is not a cursor: the caller answers with an explicit resync, never with an empty page. */
export const parseCursor = (text: string): Cursor | undefined => {
  const match = CURSOR.exec(text)
  if (match === null) return undefined
  const change = Number(match[2])
  return Number.isSafeInteger(change) ? { epoch: match[1] as string, change } : undefined
}
