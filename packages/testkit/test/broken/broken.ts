/**
 * Adapters with one fault each, made of the memory adapter. `caughtBy` names the cases that have to fail on it: every one of them,
 * so that a case which no longer looks where it says is noticed.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AnswerLeases, ConversationLog, Outbox, type Commit, type CommitOutcome, type StorageError } from "@parley/core"
import { memoryStorage } from "@parley/adapters/memory"
import type { StorageServices } from "@parley/testkit"

export interface Broken<R> {
  readonly fault: string
  readonly caughtBy: ReadonlyArray<string>
  readonly layer: () => Layer.Layer<R, unknown>
}

export type Log = ConversationLog["Service"]
export type Leases = AnswerLeases["Service"]

/** Replaces some operations of the three ports, with the sound ones at hand. */
export const storageWith = (
  change: (sound: { readonly log: Log; readonly leases: Leases; readonly outbox: Outbox["Service"] }) => {
    readonly log?: Partial<Log>
    readonly leases?: Partial<Leases>
    readonly outbox?: Partial<Outbox["Service"]>
  },
): Layer.Layer<StorageServices> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const context = yield* Layer.build(memoryStorage())
      const log = Context.get(context, ConversationLog)
      const leases = Context.get(context, AnswerLeases)
      const outbox = Context.get(context, Outbox)
      const broken = change({ log, leases, outbox })
      return Context.make(ConversationLog, { ...log, ...broken.log }).pipe(
        Context.add(AnswerLeases, { ...leases, ...broken.leases }),
        Context.add(Outbox, { ...outbox, ...broken.outbox }),
      )
    }),
  )

export const brokenLog = (
  fault: string,
  caughtBy: ReadonlyArray<string>,
  change: (sound: Log) => Partial<Log>,
): Broken<StorageServices> => ({ fault, caughtBy, layer: () => storageWith(({ log }) => ({ log: change(log) })) })

/** A fault in what reaches the sound commit. */
export const brokenInput = (fault: string, caughtBy: ReadonlyArray<string>, change: (commit: Commit) => Commit) =>
  brokenLog(fault, caughtBy, (log) => ({ commit: (commit) => log.commit(change(commit)) }))

/** A fault that happens around the sound commit. */
export const brokenCommit = (
  fault: string,
  caughtBy: ReadonlyArray<string>,
  change: (log: Log, commit: Commit) => Effect.Effect<CommitOutcome, StorageError>,
) => brokenLog(fault, caughtBy, (log) => ({ commit: (commit) => change(log, commit) }))

/** A commit without some of its fields. */
export const without = <Name extends keyof Commit>(commit: Commit, ...names: ReadonlyArray<Name>): Commit =>
  Object.fromEntries(
    Object.entries(commit).filter(([name]) => !(names as ReadonlyArray<string>).includes(name)),
  ) as unknown as Commit
