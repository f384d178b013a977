/** Whether a connection still has a reason to be, decided once a second for each from plain numbers. Times are milliseconds of one clock. */
import type { Timing } from "../policy/limits.ts"
import type { CloseReason } from "../protocol/close-codes.ts"

export interface Signs {
  readonly opened: number
  readonly authenticated: boolean
  /** When the token runs out. */
  readonly expiresAt: number | undefined
  /** Anything from the other side, pongs included. */
  readonly lastSign: number
  readonly lastRequest: number
  readonly subscribed: boolean
  /** The last time that bytes went out, or none were waiting. */
  readonly lastProgress: number
  readonly lastPing: number
}

export type LivenessVerdict = CloseReason | "ping" | "fine"

export const isExpired = (expiresAt: number | undefined, now: number, timing: Timing): boolean =>
  expiresAt !== undefined && now > expiresAt + timing.tokenLeeway

export const judgeLiveness = (signs: Signs, now: number, timing: Timing): LivenessVerdict => {
  if (!signs.authenticated) return now - signs.opened >= timing.authenticateTimeout ? "unauthenticated" : "fine"
  if (isExpired(signs.expiresAt, now, timing)) return "token_expired"
  if (now - signs.lastProgress >= timing.writeTimeout) return "slow_consumer"
  // Somebody who listens is not idle.
  if (!signs.subscribed && now - signs.lastRequest >= timing.idleTimeout) return "idle_timeout"
  if (now - signs.lastSign >= timing.pongTimeout + timing.heartbeatInterval) return "pong_timeout"
  return now - signs.lastPing >= timing.heartbeatInterval ? "ping" : "fine"
}
