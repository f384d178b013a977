/**
 * Tickets: what a browser puts into a URL where it cannot set a header, instead of its token. Each opens one connection, within half a minute, for the user and
 * from the page it was made for.
 */
import * as Effect from "effect/Effect"
import type { Principal } from "../domain/principal.ts"
import type { OneTimeKeysShape } from "../ports/one-time-keys.ts"
import { type ChatError, chatError } from "../protocol/errors.ts"
import type { SystemShape } from "../system.ts"

export const TICKET_TTL = 30_000
const TICKET = /^tkt_[\w-]{22}$/u

/** Where a request came from: its Origin and Host headers. */
export interface Whence {
  readonly origin?: string | undefined
  readonly host?: string | undefined
}

export interface Tickets {
  readonly issue: (principal: Principal, whence: Whence) => Effect.Effect<string, ChatError>
  /** The principal it was made for; whatever is wrong with a ticket, it is spent and `unauthenticated`. */
  readonly redeem: (ticket: string, whence: Whence) => Effect.Effect<Principal, ChatError>
}

interface Issued {
  readonly principal: Principal
  readonly origin?: string
}

export const makeTickets = (system: SystemShape, keys: OneTimeKeysShape): Tickets => {
  const unavailable = ({ message }: { readonly message: string }) =>
    Effect.andThen(
      Effect.logWarning("tickets are not to be had", { reason: message }),
      Effect.fail(chatError("authentication_unavailable")),
    )
  return {
    issue: (principal, { origin }) => {
      const ticket = system.randomId("tkt_")
      const issued: Issued = { principal, ...(origin === undefined ? {} : { origin }) }
      return keys.put(ticket, JSON.stringify(issued), TICKET_TTL).pipe(Effect.as(ticket), Effect.catch(unavailable))
    },
    redeem: (ticket, whence) => {
      if (!TICKET.test(ticket)) return Effect.fail(chatError("unauthenticated"))
      return Effect.flatMap(Effect.catch(keys.take(ticket), unavailable), (value) => {
        const issued = value === undefined ? undefined : (JSON.parse(value) as Issued)
        return issued !== undefined && comesFrom(whence, issued.origin)
          ? Effect.succeed(issued.principal)
          : Effect.fail(chatError("unauthenticated"))
      })
    },
  }
}

/** A browser sends no Origin with a GET to the page's own server; then that page's host is the one asked. */
const comesFrom = ({ origin, host }: Whence, bound: string | undefined): boolean =>
  bound === undefined ||
  origin === bound ||
  (origin === undefined && host !== undefined && bound.endsWith(`://${host.toLowerCase()}`))
