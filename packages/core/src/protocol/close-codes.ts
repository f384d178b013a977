/**
 * Why a connection ends, and what its client does about it. The range decides, so that an old client reacts rightly to a new code:
 *
 * - 4000–4399 and every code below 4000: connect again, after a jittered delay, with the cursors held.
 * - 4400–4499: get a new token, then connect again.
 * - 4500–4999: stop; connecting again would end the same way.
 */
export const CLOSE_CODES = {
  drain: 4000,
  slow_consumer: 4001,
  idle_timeout: 4002,
  pong_timeout: 4003,
  overloaded: 4004,
  internal: 4005,
  unauthenticated: 4401,
  token_expired: 4402,
  protocol_violation: 4500,
  principal_changed: 4501,
} as const

export type CloseReason = keyof typeof CLOSE_CODES

export type CloseReaction = "reconnect" | "refresh_token" | "stop"

export const closeReaction = (code: number): CloseReaction =>
  code >= 4500 && code < 5000 ? "stop" : code >= 4400 && code < 4500 ? "refresh_token" : "reconnect"
