/**
 * What a conformance suite is made of. A *case* is data: an id that never changes its meaning, a title, and a program over the port. A
 * *subject* is an adapter under test. Everything here is independent of a test runner.
 *
 * - A capability that the subject lacks skips the cases that need it.
 * - A deviation is a case that the subject is known to break, with the reason. It must fail: a mended adapter cannot keep
 *   an excuse.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"

export interface Case<R, Capability extends string = never> {
  readonly id: string
  readonly title: string
  readonly needs?: ReadonlyArray<Capability>
  /**
   * A program over a fresh adapter; or, for a case that opens and closes the adapter itself, a function of the layer. A subject
   * that can `reopen` gives a layer whose builds, one after the other, find the data of those before.
   */
  readonly run: Effect.Effect<void, unknown, R> | ((layer: Layer.Layer<R, unknown>) => Effect.Effect<void, unknown>)
}

export interface Deviation {
  readonly id: string
  readonly reason: string
}

export interface Subject<R, Capability extends string = never> {
  readonly name: string
  /** Called once a case: each gets an empty adapter of its own. */
  readonly layer: () => Layer.Layer<R, unknown>
  /** What the adapter can do beyond the contract; absent is no. */
  readonly can?: Readonly<Partial<Record<Capability, boolean>>>
  readonly deviations?: ReadonlyArray<Deviation>
}

/** What is to happen to one case. Rejects when the adapter breaks it, whatever the verdict is to be made of that. */
export interface Planned {
  readonly id: string
  readonly title: string
  readonly expect: "pass" | "fail" | "skip"
  readonly run: () => Promise<void>
}

/** Throws for suites and subjects that contradict themselves, so that a collection of tests fails instead of one test less running. */
export const plan = <R, Capability extends string>(
  port: string,
  cases: ReadonlyArray<Case<R, Capability>>,
  subject: Subject<R, Capability>,
): ReadonlyArray<Planned> => {
  const known = new Set<string>()
  for (const { id } of cases) {
    if (known.has(id)) throw new Error(`${port} has two cases with the id ${id}; rename one`)
    known.add(id)
  }
  for (const { id } of subject.deviations ?? [])
    if (!known.has(id)) throw new Error(`${subject.name} deviates from ${id}, which ${port} does not have; remove it`)

  return cases.map(({ id, title, needs, run }) => {
    const missing = (needs ?? []).filter((capability) => subject.can?.[capability] !== true)
    const deviation = subject.deviations?.find((candidate) => candidate.id === id)
    const planned = { id, run: () => Effect.runPromise(runOn(run, subject.layer())) }
    if (missing.length > 0) return { ...planned, title: `${id} ${title} [needs ${missing.join(", ")}]`, expect: "skip" }
    if (deviation !== undefined) return { ...planned, title: `${id} ${title} [deviates: ${deviation.reason}]`, expect: "fail" }
    return { ...planned, title: `${id} ${title}`, expect: "pass" }
  })
}

/** Generous, because a suite meets real disks and busy machines; a case that waits in vain is cut all the same. */
const TIMEOUT_MS = 25_000

const runOn = <R>(run: Case<R>["run"], layer: Layer.Layer<R, unknown>): Effect.Effect<void, unknown> =>
  Effect.timeoutOrElse(typeof run === "function" ? run(layer) : Effect.provide(run, layer), {
    duration: TIMEOUT_MS,
    orElse: () => Effect.die(new Error(`the case was not done after ${TIMEOUT_MS} ms`)),
  })
