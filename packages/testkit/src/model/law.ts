/**
 * The law, between a log and what its readers hold: at a client's position each item inside its window whose newest change is at
 * or below it is held in that version; nothing is held that the log never said; at the head two clients agree.
 */
import type { ClientModel } from "./client-model.ts"
import type { LogModel } from "./log-model.ts"
import { type Violation, violation } from "./violation.ts"
import { contentOf, type WireItem } from "./wire-item.ts"

export const checkLaw = (log: LogModel, client: ClientModel): ReadonlyArray<Violation> => {
  if (client.epoch === undefined) return []
  if (client.epoch !== log.epoch) return [violation("epoch_changed", `the client is in ${client.epoch}, the log in ${log.epoch}`)]
  const found: Array<Violation> = []
  for (const item of client.items.values()) {
    const said = log.version(item.change)
    if (said === undefined || contentOf(said) !== contentOf(item))
      found.push(violation("unknown_version", `the log holds no such version at change ${item.change}`, item.id))
  }
  const { change } = client
  if (change === undefined) return found
  if (change > log.head) found.push(violation("ahead_of_log", `the client is at ${change}, the log at ${log.head}`))
  for (const newest of log.settledAt(change)) {
    const held = client.items.get(newest.id)
    const inside = isInside(log, client, newest)
    if (held === undefined) {
      if (inside && !isAbsentAsLeft(client, newest))
        found.push(violation("missing", `not held at ${change}; its newest change is ${newest.change}`, newest.id))
    } else if (held.change !== newest.change && (inside || !client.isStale(newest.id)))
      found.push(violation("outdated", `held at ${held.change} by a client at ${change}; newest is ${newest.change}`, newest.id))
  }
  return found
}

/** At the head, two clients agree on every item that both hold and know to be fresh. */
export const agree = (a: ClientModel, b: ClientModel): ReadonlyArray<Violation> => {
  if (a.cursor === undefined || a.cursor !== b.cursor)
    return [violation("positions_differ", `one client is at ${a.cursor}, the other at ${b.cursor}`)]
  return [...a.items.values()].flatMap((item) => {
    const other = b.items.get(item.id)
    if (other === undefined || a.isStale(item.id) || b.isStale(item.id) || contentOf(item) === contentOf(other)) return []
    return [violation("clients_differ", `held at ${item.change} by one and at ${other.change} by the other`, item.id)]
  })
}

const isInside = (log: LogModel, client: ClientModel, item: WireItem): boolean => {
  const seq = log.seqOf(item)
  return seq === undefined || (client.from !== undefined && seq >= client.from)
}

/** A window shows who is there, so whoever was not by its end is absent from it. */
const isAbsentAsLeft = (client: ClientModel, item: WireItem): boolean =>
  item.kind === "member" && item.status !== "joined" && item.change <= client.windowUpTo
