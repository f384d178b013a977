/** `messageId@revision.length`: what a client holds of an open answer, so that a resume sends only the rest. */
export interface HeldAnswer {
  readonly messageId: string
  readonly revision: number
  readonly length: number
}

const HELD = /^([0-9A-Za-z_-]{1,64})@(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$/u

export const formatHeldAnswer = (held: HeldAnswer): string => `${held.messageId}@${held.revision}.${held.length}`

export const parseHeldAnswer = (text: string): HeldAnswer | undefined => {
  const match = HELD.exec(text)
  return match === null ? undefined : { messageId: match[1] as string, revision: Number(match[2]), length: Number(match[3]) }
}
