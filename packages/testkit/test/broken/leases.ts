/** Faults of `AnswerLeases`, and of the commits that move leases. */
import * as Effect from "effect/Effect"
import type { AnswerRef, LeaseChange, OpenAnswer } from "@parley/core"
import type { StorageServices } from "@parley/testkit"
import { brokenCommit, brokenInput, storageWith, without, type Broken, type Leases } from "./broken.ts"

const brokenLeases = (
  fault: string,
  caughtBy: ReadonlyArray<string>,
  change: (sound: Leases) => Partial<Leases>,
): Broken<StorageServices> => ({ fault, caughtBy, layer: () => storageWith(({ leases }) => ({ leases: change(leases) })) })

const forgets = (to: LeaseChange["to"], caughtBy: ReadonlyArray<string>) =>
  brokenInput(`forgets leases that become ${to}`, caughtBy, (commit) => ({
    ...commit,
    leases: commit.leases?.filter((lease) => lease.to !== to) ?? [],
  }))

const nameOf = (ref: AnswerRef): string => `${ref.tenant} ${ref.conversation} ${ref.answer}`

/** Remembers the fence of the newest owner, for faults that act in its name. */
const withFences = (sound: Leases, change: (fences: Map<string, number>) => Partial<Leases>): Partial<Leases> => {
  const fences = new Map<string, number>()
  return {
    claim: (ref, leaseMs) =>
      Effect.tap(sound.claim(ref, leaseMs), (claim) =>
        Effect.sync(() => (claim === undefined ? undefined : fences.set(nameOf(ref), claim.fence))),
      ),
    ...change(fences),
  }
}

export const brokenAnswerLeases: ReadonlyArray<Broken<StorageServices>> = [
  forgets("open", ["lease.born", "claim.exclusive", "open.one-conversation", "expired.order"]),
  forgets("stopping", ["renew.stopping"]),
  forgets("closed", ["close.with-item", "fence.older-owner"]),
  brokenCommit("moves leases of a refused commit", ["lease.not-born", "refusal.stale_access", "refusal.repeat"], (log, commit) =>
    Effect.tap(log.commit(commit), (outcome) =>
      outcome.outcome === "ok"
        ? Effect.void
        : log.commit({
            ...without(commit, "key", "expectAccess", "requires", "fence", "members", "revokes"),
            puts: [],
            outbox: [],
          }),
    ),
  ),
  brokenCommit("leaves the leases of an erased conversation", ["erase.leases"], (log, commit) =>
    commit.erase === true ? log.commit(without(commit, "erase")) : log.commit(commit),
  ),
  brokenLeases("gives a running lease away", ["claim.exclusive", "renew.holds", "release.frees"], (sound) => {
    const fences = new Map<string, number>()
    return {
      claim: (ref, leaseMs) =>
        Effect.gen(function* () {
          yield* sound.release(ref, fences.get(nameOf(ref)) ?? 0)
          const claim = yield* sound.claim(ref, leaseMs)
          if (claim !== undefined) fences.set(nameOf(ref), claim.fence)
          return claim
        }),
    }
  }),
  brokenLeases("never frees a lease that has run out", ["claim.takeover"], (sound) => ({
    claim: (ref, leaseMs) => sound.claim(ref, leaseMs * 100_000),
    renew: (ref, fence, leaseMs, checkpoint) => sound.renew(ref, fence, leaseMs * 100_000, checkpoint),
  })),
  brokenLeases("gives every owner the same fence", ["claim.fence-grows", "claim.takeover"], (sound) => ({
    claim: (ref, leaseMs) => Effect.map(sound.claim(ref, leaseMs), (claim) => claim && { ...claim, fence: 1 }),
  })),
  brokenLeases("finds rows by the answer alone", ["claim.unknown"], (sound) => ({
    claim: (ref, leaseMs) => sound.claim({ ...ref, tenant: "acme", conversation: "room_1" }, leaseMs),
  })),
  brokenLeases("lets everybody renew", ["claim.takeover"], (sound) =>
    withFences(sound, (fences) => ({
      renew: (ref, _fence, leaseMs, checkpoint) => sound.renew(ref, fences.get(nameOf(ref)) ?? 0, leaseMs, checkpoint),
    })),
  ),
  brokenLeases("lets everybody release", ["claim.takeover", "release.frees"], (sound) =>
    withFences(sound, (fences) => ({ release: (ref) => sound.release(ref, fences.get(nameOf(ref)) ?? 0) })),
  ),
  brokenLeases("does not extend the lease", ["renew.holds"], (sound) => ({
    renew: (ref, fence, _leaseMs, checkpoint) => sound.renew(ref, fence, 0, checkpoint),
  })),
  brokenLeases("stores no checkpoint", ["renew.checkpoint", "renew.stopping", "claim.takeover", "release.frees"], (sound) => ({
    renew: (ref, fence, leaseMs) => sound.renew(ref, fence, leaseMs),
  })),
  brokenLeases("clears the checkpoint when given none", ["renew.checkpoint"], (sound) => ({
    renew: (ref, fence, leaseMs, checkpoint = { revision: 0, text: "" }) => sound.renew(ref, fence, leaseMs, checkpoint),
  })),
  brokenLeases("does nothing on release", ["release.frees", "claim.fence-grows", "expired.order"], () => ({
    release: () => Effect.void,
  })),
  brokenLeases("names the newest first", ["expired.order"], (sound) => ({
    expired: (limit) => Effect.map(sound.expired(1_000), (refs) => refs.toReversed().slice(0, limit)),
  })),
  brokenLeases("names more than asked for", ["expired.order"], (sound) => ({ expired: () => sound.expired(1_000) })),
  brokenLeases("names leases that run", ["claim.exclusive", "renew.holds"], (sound) => ({
    expired: (limit) =>
      Effect.map(sound.expired(limit), (refs) => [...refs, { tenant: "acme", conversation: "room_1", answer: "msg_answer" }]),
  })),
  brokenLeases("names the open answers of every conversation", ["open.one-conversation"], (sound) => ({
    open: (tenant) =>
      Effect.map(
        Effect.forEach(["room_1", "room_2"], (id) => sound.open(tenant, id)),
        (all): ReadonlyArray<OpenAnswer> => all.flat(),
      ),
  })),
]
