/**
 * Everything that a running engine takes from its host, from one seed: time, randomness, ids, the order of what runs. Nothing here waits
 * for the machine, so a simulated hour costs what happens in it, and a failing run fails again.
 *
 * A *process* is a view of it that can be killed: nothing of it ever runs again, no finalizer either, as after `kill -9`.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { System, type SystemShape } from "../../src/system.ts"

export interface Process {
  /** Clock, scheduler and system; whatever runs with it belongs to this process. */
  readonly context: Context.Context<never>
  readonly alive: () => boolean
  readonly paused: () => boolean
  readonly kill: () => void
  /** As SIGSTOP and SIGCONT: what comes due meanwhile runs when it goes on. */
  readonly pause: () => void
  readonly resume: () => void
  /** Runs `task` after a delay, unless the process died meanwhile. */
  readonly later: (ms: number, task: () => void) => void
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
}

export interface Simulation {
  readonly now: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Uniform in 0 … max. */
  readonly int: (max: number) => number
  readonly process: () => Process
  /** Runs whatever can run now; time stands still. */
  readonly settle: () => void
  readonly advance: (ms: number) => void
  /** Runs to the end of the effect, letting time pass as it needs; throws what it fails with. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>, process?: Process) => A
  readonly exit: <A, E>(effect: Effect.Effect<A, E>, process?: Process) => Exit.Exit<A, E>
  readonly join: <A, E>(fiber: Fiber.Fiber<A, E>) => Exit.Exit<A, E>
}

interface Owner {
  alive: boolean
  paused: boolean
  held: Array<() => void>
}

interface Timer {
  readonly at: number
  readonly owner: Owner
  readonly task: () => void
  cancelled: boolean
}

/** A run that takes longer hangs: no test needs a simulated day without saying so by `advance`. */
const MAX_WAIT_MS = 600_000
/** Any date will do; a real one keeps stamps plausible. */
const EPOCH_MS = 1_750_000_000_000

export const makeSimulation = (seed: number): Simulation => {
  let state = seed >>> 0
  const random = (): number => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (max: number): number => Math.floor(random() * (max + 1))

  let time = EPOCH_MS
  let ids = 0
  const timers: Array<Timer> = []
  let tasks: Array<{ readonly owner: Owner; readonly task: () => void }> = []

  const runAs = (owner: Owner, task: () => void): void => {
    if (owner.paused) owner.held.push(task)
    else if (owner.alive) task()
  }

  const addTimer = (owner: Owner, ms: number, task: () => void): Timer => {
    const timer: Timer = { at: time + Math.max(0, ms), owner, task, cancelled: false }
    let low = 0
    let high = timers.length
    // Latest first, so that the next one is popped; equal times in the order they were set.
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((timers[middle] as Timer).at > timer.at) low = middle + 1
      else high = middle
    }
    timers.splice(low, 0, timer)
    return timer
  }

  const settle = (): void => {
    let steps = 0
    while (tasks.length > 0) {
      const batch = tasks
      tasks = []
      for (const { owner, task } of batch) runAs(owner, task)
      if (++steps > 100_000) throw new Error("the simulation does not come to rest: something runs without end")
    }
  }
  const advance = (ms: number): void => {
    const end = time + ms
    settle()
    for (let next = timers.at(-1); next !== undefined && next.at <= end; next = timers.at(-1)) {
      timers.pop()
      if (next.cancelled || !next.owner.alive) continue
      time = next.at
      runAs(next.owner, next.task)
      settle()
    }
    time = end
  }

  const makeProcess = (): Process => {
    const owner: Owner = { alive: true, paused: false, held: [] }
    const system: SystemShape = {
      randomId: (prefix) => `${prefix}${(ids++).toString(36).padStart(6, "0")}`,
      random,
      defer: (task) => void tasks.push({ owner, task }),
    }
    const scheduler: Scheduler.Scheduler = {
      executionMode: "async",
      shouldYield: (fiber) => fiber.currentOpCount >= 2_048,
      makeDispatcher: () => ({ scheduleTask: (task) => void tasks.push({ owner, task }), flush: settle }),
    }
    const clock: Clock.Clock = {
      currentTimeMillisUnsafe: () => time,
      currentTimeMillis: Effect.sync(() => time),
      currentTimeNanosUnsafe: () => BigInt(time) * 1_000_000n,
      currentTimeNanos: Effect.sync(() => BigInt(time) * 1_000_000n),
      monotonicTimeNanosUnsafe: () => BigInt(time) * 1_000_000n,
      monotonicTimeNanos: Effect.sync(() => BigInt(time) * 1_000_000n),
      sleep: (duration) =>
        Effect.callback<void>((resume) => {
          const timer = addTimer(owner, Math.ceil(Duration.toMillis(duration)), () => resume(Effect.void))
          return Effect.sync(() => {
            timer.cancelled = true
          })
        }),
    }
    const context = Context.make(Clock.Clock, clock).pipe(
      Context.add(Scheduler.Scheduler, scheduler),
      Context.add(System, system),
    ) as Context.Context<never>
    return {
      context,
      alive: () => owner.alive,
      paused: () => owner.paused,
      kill: () => {
        owner.alive = false
      },
      pause: () => {
        owner.paused = true
      },
      resume: () => {
        owner.paused = false
        for (const task of owner.held.splice(0)) tasks.push({ owner, task })
      },
      later: (ms, task) => void addTimer(owner, ms, task),
      fork: (effect) => Effect.runForkWith(context)(effect),
    }
  }

  const host = makeProcess()
  const join = <A, E>(fiber: Fiber.Fiber<A, E>): Exit.Exit<A, E> => {
    settle()
    const end = time + MAX_WAIT_MS
    let exit = fiber.pollUnsafe()
    while (exit === undefined) {
      const next = timers.at(-1)
      if (next === undefined || next.at > end) throw new Error("an effect does not end in the simulation")
      advance(Math.max(0, next.at - time))
      exit = fiber.pollUnsafe()
    }
    return exit
  }
  const exit = <A, E>(effect: Effect.Effect<A, E>, process: Process = host): Exit.Exit<A, E> => join(process.fork(effect))

  return {
    now: () => time,
    random,
    int,
    process: makeProcess,
    settle,
    advance,
    exit,
    join,
    run: (effect, process) => {
      const end = exit(effect, process)
      if (Exit.isSuccess(end)) return end.value
      const [reason] = end.cause.reasons
      throw reason === undefined
        ? new Error("interrupted")
        : reason._tag === "Fail"
          ? reason.error
          : reason._tag === "Die"
            ? reason.defect
            : new Error("interrupted")
    },
  }
}
