/**
 * This node's view of the conversations its clients read. Bus events are hints, the log is the truth: a gap is read from the log once, however
 * many read along; every second, and at once after the bus lost touch, all heads are compared in one read.
 */
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { EngineError, Environment } from "../engine/environment.ts"
import type { AnswerLeasesShape } from "../ports/answer-leases.ts"
import type { BusEvent } from "../ports/event-bus.ts"
import { chatError } from "../protocol/errors.ts"
import { type HubConversation, makeHubConversation, type Reader } from "./hub-conversation.ts"

export interface Hub {
  /** Registers a reader, not yet live. The same call twice is harmless. */
  readonly attach: (tenant: string, conversation: string, reader: Reader) => Effect.Effect<HubConversation, EngineError>
  readonly detach: (conversation: HubConversation, reader: Reader) => void
  /** Heads of conversations, one read for all who ask in the same tick. */
  readonly heads: (tenant: string, ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, HeadOf>, EngineError>
  /** For tests and metrics. */
  readonly size: () => number
}

export interface HeadOf {
  readonly epoch: string
  readonly change: number
  readonly accessVersion: number
}

/** A conversation without a reader is kept for this many ticks: a reload of a page finds the text of an open answer still here. */
const LINGER_TICKS = 10
const REPAIR_LIMIT = 500

export const makeHub = (env: Environment, leases: AnswerLeasesShape): Effect.Effect<Hub, never, Scope.Scope> =>
  Effect.gen(function* () {
    const context: Context.Context<never> = yield* Effect.context<never>()
    const fork = yield* FiberSet.makeRuntime<never>().pipe(Effect.provideContext(context))
    const active = new Map<string, HubConversation>()
    const opening = new Map<string, Deferred.Deferred<HubConversation, EngineError>>()
    /** The greatest change heard of while a conversation's head is being read: the read may be older than the hint. */
    const missedWhileOpening = new Map<string, number>()
    const keyOf = (tenant: string, id: string): string => `${tenant}\n${id}`

    let dirty: Array<HubConversation> = []
    const markDirty = (conversation: HubConversation): void => {
      if (dirty.length === 0) env.system.defer(flushAll)
      dirty.push(conversation)
    }
    const flushAll = (): void => {
      const now = dirty
      dirty = []
      for (const conversation of now) conversation.flush()
    }

    const quietly = (what: string, task: Effect.Effect<unknown, EngineError>): void => {
      fork(Effect.catchCause(task, (cause) => Effect.logError(what, cause)))
    }

    const onEvent = (event: BusEvent): void => {
      if (event.type === "answers") return
      const key = keyOf(event.tenant, event.conversation)
      const conversation = active.get(key)
      if (conversation === undefined) {
        const missed = missedWhileOpening.get(key)
        if (missed !== undefined && event.type === "change") missedWhileOpening.set(key, Math.max(missed, event.change))
        return
      }
      switch (event.type) {
        case "delta":
          conversation.applyDelta(event.delta)
          if (conversation.answers.hasGap()) repairText(conversation)
          return
        case "erased":
          return lose(conversation)
        case "change":
          // Another history: only the store can say which one holds.
          if (event.epoch !== conversation.epoch) return quietly("heads could not be read", checkHeads)
          conversation.applyChange(event.change, event.item)
          return repairIfBehind(conversation)
      }
    }

    const repairIfBehind = (conversation: HubConversation): void => {
      if (conversation.seen <= conversation.head || conversation.repairing) return
      conversation.repairing = true
      quietly(
        "a gap could not be read",
        Effect.ensuring(
          repair(conversation),
          Effect.sync(() => {
            conversation.repairing = false
          }),
        ),
      )
    }
    const repair = (conversation: HubConversation): Effect.Effect<void, EngineError> =>
      Effect.gen(function* () {
        while (conversation.seen > conversation.head) {
          const page = yield* env.log.changes({
            tenant: conversation.tenant,
            conversation: conversation.id,
            after: conversation.head,
            limit: REPAIR_LIMIT,
            maxBytes: env.limits.pageBytes,
          })
          if (page === undefined) return lose(conversation)
          if (page.head.epoch !== conversation.epoch) return restart(conversation, page.head.epoch)
          // A hint ahead of the log (a rolled-back node, a forged event) must not be waited for.
          if (page.upTo === conversation.head) conversation.seen = conversation.head
          else conversation.applyPage({ items: page.items, upTo: page.upTo, firstSeq: page.head.firstSeq })
        }
      })

    /** Held deltas wait for a checkpoint that reaches them; the owner stores one within `renewWhileMoving` while text moves. */
    const repairing = new Set<HubConversation>()
    const repairText = (conversation: HubConversation): void => {
      if (repairing.has(conversation)) return
      repairing.add(conversation)
      quietly(
        "an answer's text could not be read",
        Effect.ensuring(
          Effect.gen(function* () {
            while (conversation.answers.hasGap() && active.get(keyOf(conversation.tenant, conversation.id)) === conversation) {
              conversation.applyCheckpoints(yield* leases.open(conversation.tenant, conversation.id))
              if (conversation.answers.hasGap()) yield* Effect.sleep(env.timing.renewWhileMoving)
            }
          }),
          Effect.sync(() => repairing.delete(conversation)),
        ),
      )
    }

    const close = (conversation: HubConversation): void => {
      const key = keyOf(conversation.tenant, conversation.id)
      if (active.get(key) !== conversation) return
      active.delete(key)
      subscription.unfollow(conversation.tenant, conversation.id)
    }
    const lose = (conversation: HubConversation): void => {
      close(conversation)
      for (const reader of conversation.readers) reader.gone()
    }
    const restart = (conversation: HubConversation, _epoch: string): void => {
      close(conversation)
      for (const reader of conversation.readers) reader.reset()
    }

    const checkHeads: Effect.Effect<void, EngineError> = Effect.suspend(() => {
      const asked = [...active.values()]
      if (asked.length === 0) return Effect.void
      return Effect.map(env.log.heads(asked.map(({ tenant, id }) => ({ tenant, conversation: id }))), ({ epoch, heads }) => {
        const found = new Map(heads.map((heading) => [keyOf(heading.tenant, heading.id), heading]))
        for (const conversation of asked) {
          const heading = found.get(keyOf(conversation.tenant, conversation.id))
          if (heading === undefined) lose(conversation)
          else if (epoch !== conversation.epoch) restart(conversation, epoch)
          else {
            if (heading.change > conversation.seen) conversation.seen = heading.change
            if (heading.accessVersion !== conversation.accessVersion) {
              conversation.accessVersion = heading.accessVersion
              for (const reader of conversation.readers) reader.recheck()
            }
            repairIfBehind(conversation)
          }
        }
      })
    })

    const subscription = yield* env.bus.subscribe({ onEvent, onGap: () => quietly("heads could not be read", checkHeads) })

    const open = (tenant: string, id: string): Effect.Effect<HubConversation, EngineError> =>
      Effect.gen(function* () {
        const key = keyOf(tenant, id)
        missedWhileOpening.set(key, 0)
        subscription.follow(tenant, id)
        const snapshot = yield* env.log.get({ tenant, conversation: id, items: [] })
        if (snapshot === undefined) return yield* Effect.fail(chatError("conversation_not_found"))
        const { epoch, change, seq, accessVersion } = snapshot.head
        const conversation = makeHubConversation(
          tenant,
          id,
          { epoch, head: change, lastSeq: seq, accessVersion },
          markDirty,
          repairIfBehind,
        )
        conversation.seen = Math.max(change, missedWhileOpening.get(key) ?? 0)
        // Listed before the texts are read: a delta that comes between lies ahead, is held, and finds its place.
        active.set(key, conversation)
        repairIfBehind(conversation)
        conversation.applyCheckpoints(yield* leases.open(tenant, id))
        return conversation
      })

    const opened = (tenant: string, id: string): Effect.Effect<HubConversation, EngineError> =>
      Effect.suspend(() => {
        const key = keyOf(tenant, id)
        const running = opening.get(key)
        if (running !== undefined) return Deferred.await(running)
        const conversation = active.get(key)
        if (conversation !== undefined) return Effect.succeed(conversation)
        const deferred = Deferred.makeUnsafe<HubConversation, EngineError>()
        opening.set(key, deferred)
        return Effect.uninterruptible(
          Effect.onExit(open(tenant, id), (exit) => {
            opening.delete(key)
            missedWhileOpening.delete(key)
            if (Exit.isFailure(exit)) {
              active.delete(key)
              subscription.unfollow(tenant, id)
            }
            return Deferred.done(deferred, exit)
          }),
        )
      })

    const tick = Effect.gen(function* () {
      yield* Effect.sleep(env.timing.headsInterval)
      for (const conversation of active.values()) {
        conversation.unused = conversation.readers.size === 0 ? conversation.unused + 1 : 0
        if (conversation.unused > LINGER_TICKS) close(conversation)
      }
      yield* checkHeads
    })
    fork(Effect.forever(Effect.catchCause(tick, (cause) => Effect.logError("heads could not be read", cause))))

    // Requests of one tick share one read of heads.
    let asked = new Map<string, { readonly tenant: string; readonly conversation: string }>()
    let answer: Deferred.Deferred<ReadonlyMap<string, HeadOf>, EngineError> | undefined
    const readHeads = (): void => {
      const ids = [...asked.values()]
      const waiting = answer as Deferred.Deferred<ReadonlyMap<string, HeadOf>, EngineError>
      asked = new Map()
      answer = undefined
      fork(
        Effect.onExit(
          Effect.map(
            env.log.heads(ids),
            ({ epoch, heads }): ReadonlyMap<string, HeadOf> =>
              new Map(
                heads.map(({ tenant, id, change, accessVersion }) => [keyOf(tenant, id), { epoch, change, accessVersion }]),
              ),
          ),
          (exit) => Deferred.done(waiting, exit),
        ),
      )
    }

    return {
      size: () => active.size,
      attach: (tenant, id, reader) =>
        Effect.map(opened(tenant, id), (conversation) => {
          conversation.readers.add(reader)
          conversation.unused = 0
          return conversation
        }),
      detach: (conversation, reader) => {
        conversation.readers.delete(reader)
        conversation.live.delete(reader)
      },
      heads: (tenant, ids) =>
        Effect.suspend(() => {
          for (const conversation of ids) asked.set(keyOf(tenant, conversation), { tenant, conversation })
          if (answer === undefined) {
            answer = Deferred.makeUnsafe()
            env.system.defer(readHeads)
          }
          return Effect.map(Deferred.await(answer), (all) => {
            const mine = new Map<string, HeadOf>()
            for (const id of ids) {
              const head = all.get(keyOf(tenant, id))
              if (head !== undefined) mine.set(id, head)
            }
            return mine
          })
        }),
    }
  })
