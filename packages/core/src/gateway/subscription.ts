/**
 * One conversation followed over one connection: bring the client to the head, then hand it what happens.
 *
 *     catching up ──at the head──▶ live ──too much queued──▶ catching up
 *          └──────────access lost, conversation gone──────────────┴──▶ ended
 *
 * Nothing is buffered while it catches up: what happens meanwhile stands in the log and is read from there. A class, because there are
 * as many of these as readers: one that rests holds a few fields and no task.
 */
import * as Effect from "effect/Effect"
import type { EngineError, Environment } from "../engine/environment.ts"
import { withUsers } from "../engine/users-sidecar.ts"
import type { Principal } from "../domain/principal.ts"
import type { ChangesPage } from "../ports/conversation-log.ts"
import { chatError } from "../protocol/errors.ts"
import type { ResyncReason, ServerFrame } from "../protocol/frames.ts"
import type { HeldAnswer } from "../protocol/held-answers.ts"
import { batchOf, type LiveBatch, type LiveEntry } from "./batch.ts"
import { catchUp, changesFrame, type PageOutlet } from "./catch-up.ts"
import type { HubConversation, Reader } from "./hub-conversation.ts"
import type { Hub } from "./hub.ts"
import type { Outbound } from "./outbound.ts"

/** What a subscription needs of its connection. */
export interface SubscriptionOwner {
  readonly env: Environment
  readonly hub: Hub
  readonly outbound: Outbound
  /** Runs a task that ends with the returned function, or with the gateway. */
  readonly fork: (task: Effect.Effect<void, EngineError>) => () => void
  /** Access was lost, or reading failed: the subscription has said so and is no more. */
  readonly subscriptionEnded: (subscription: Subscription) => void
}

export interface SubscriptionStart {
  readonly cursor?: string | undefined
  readonly held: ReadonlyArray<HeldAnswer>
}

const PAGE_ITEMS = 500

export class Subscription implements Reader, PageOutlet {
  readonly conversationId: string
  private readonly owner: SubscriptionOwner
  private readonly principal: Principal
  private state: "catching_up" | "live" | "ended" = "catching_up"
  private at = 0
  /** Whether `at` is where the client stands. Until then it is where `cameWith` says, as long as that holds. */
  private positioned = false
  private cameWith: string | undefined
  private joined: HubConversation | undefined
  /** Live, but its pages told of changes that the hub has yet to read: texts it keeps may be of answers that have ended. */
  private ahead = false
  private stopTask: (() => void) | undefined
  private tasks = 0
  /** Text of open answers that the client holds, or that it lost to a full queue: where its next snapshot begins. */
  private resumeAt: Map<string, { readonly revision: number; readonly length: number }> | undefined

  constructor(owner: SubscriptionOwner, principal: Principal, conversationId: string, start: SubscriptionStart) {
    this.owner = owner
    this.principal = principal
    this.conversationId = conversationId
    this.cameWith = start.cursor
    for (const { messageId, revision, length } of start.held) this.resume(messageId, revision, length)
    this.begin(start.cursor)
  }

  get userId(): string {
    return this.principal.userId
  }

  position(): number {
    return this.at
  }

  /** Where the client stands once it has taken all that was sent: absent until it was brought somewhere, and while a window is under way. */
  cursor(): string | undefined {
    return this.positioned ? `${this.joined?.epoch}.${this.at}` : this.cameWith
  }

  end(): void {
    if (this.state === "ended") return
    this.state = "ended"
    this.stopTask?.()
    if (this.joined !== undefined) this.owner.hub.detach(this.joined, this)
  }

  /** What was queued has gone out. */
  drained(): void {
    if (this.state === "live" && !this.ahead) this.sendSnapshots()
  }

  deliver(live: LiveBatch): void {
    const { outbound } = this.owner
    if (!this.ahead && live.after === this.at && this.resumeAt === undefined && outbound.hasRoom(live.batch.length, "frames")) {
      this.at = live.upTo
      outbound.write(live.batch)
    } else this.deliverSome(live)
  }

  recheck(): void {
    const { env, fork } = this.owner
    fork(
      Effect.catch(Effect.asVoid(env.access.look(this.principal, this.conversationId, "read", [])), (error) =>
        error._tag === "ChatError"
          ? Effect.sync(() => this.lose("conversation_not_found"))
          : Effect.logWarning("access could not be read again", { conversation: this.conversationId, reason: error.message }),
      ),
    )
  }

  reset(): void {
    if (this.state === "ended") return
    // Of the old epoch, until the client was told of the new one.
    this.cameWith = this.cursor()
    this.positioned = false
    this.state = "catching_up"
    if (this.joined !== undefined) this.owner.hub.detach(this.joined, this)
    this.resumeAt = undefined
    this.begin(undefined, "epoch_changed")
  }

  gone(): void {
    this.lose("conversation_not_found")
  }

  send(frame: ServerFrame): void {
    if (frame.type === "resync") {
      // What a client holds beside a resync is no position any more.
      this.positioned = false
      this.cameWith = undefined
      // Nor is its text of another history the text of this one, though revision and length may fit.
      if (frame.reason === "epoch_changed") this.resumeAt = undefined
    }
    this.owner.outbound.send(frame)
  }

  inTurn<A, E>(task: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return this.owner.outbound.inTurn(task)
  }

  private lose(code: "conversation_not_found" | "internal"): void {
    if (this.state === "ended") return
    this.end()
    this.owner.outbound.send({ type: "unsubscribed", conversationId: this.conversationId, code })
    this.owner.subscriptionEnded(this)
  }

  private begin(start: string | undefined, forced?: ResyncReason): void {
    this.stopTask?.()
    this.tasks += 1
    const task = this.tasks
    // A task may have ended before `fork` returns, and may begin another one: what has ended is not kept.
    let over = false
    const stop = this.owner.fork(
      Effect.ensuring(
        Effect.catch(this.run(start, forced), (error) => this.failed(error)),
        Effect.sync(() => {
          over = true
          if (this.tasks === task) this.stopTask = undefined
        }),
      ),
    )
    if (!over && this.tasks === task) this.stopTask = stop
  }

  private failed(error: EngineError): Effect.Effect<void> {
    return error._tag === "ChatError" && error.code === "conversation_not_found"
      ? Effect.sync(() => this.lose("conversation_not_found"))
      : Effect.andThen(
          Effect.logError("a subscription failed", { conversation: this.conversationId, error }),
          Effect.sync(() => this.lose("internal")),
        )
  }

  private run(start: string | undefined, forced: ResyncReason | undefined): Effect.Effect<void, EngineError> {
    const { env, hub } = this.owner
    return Effect.gen({ self: this }, function* () {
      // Never ends inside the constructor: the connection lists a subscription only once it has it.
      yield* Effect.yieldNow
      this.joined = yield* hub.attach(this.principal.tenant, this.conversationId, this)
      this.at = yield* catchUp(env, this.principal, this.conversationId, start, forced, this)
      this.positioned = true
      for (let first = start !== undefined && forced === undefined; ; first = false) {
        const page = yield* this.inTurn(this.nextPage(first))
        if (page === undefined) return yield* Effect.fail(chatError("conversation_not_found"))
        if (!page.more && (yield* Effect.sync(() => this.tryLive()))) return
      }
    })
  }

  /** `always`: even an empty page is said, so that the client learns that its cursor is the head. */
  private nextPage(always: boolean): Effect.Effect<ChangesPage | undefined, EngineError> {
    const { env } = this.owner
    const { tenant, userId } = this.principal
    return Effect.tap(
      env.log.changes({
        tenant,
        conversation: this.conversationId,
        after: this.at,
        limit: PAGE_ITEMS,
        maxBytes: env.limits.pageBytes,
      }),
      (page) => {
        if (page === undefined) return Effect.void
        const { head, items, upTo, more } = page
        const frame = changesFrame(head, userId, { after: this.at, upTo, items, more })
        return Effect.map(withUsers(env, tenant, items, frame), (told) => {
          if (always || upTo > this.at) this.send(told)
          this.at = upTo
        })
      },
    )
  }

  private tryLive(): boolean {
    const { joined } = this
    if (joined === undefined || !joined.goLive(this)) return false
    // What brought it to the head did not fit into its queue: another catch-up has begun.
    if (!joined.live.has(this)) return true
    this.state = "live"
    this.ahead = joined.head < this.at
    if (!this.ahead) this.sendAllSnapshots()
    return true
  }

  private leaveLive(): void {
    this.state = "catching_up"
    if (this.joined === undefined) return
    this.joined.live.delete(this)
    for (const [answer, { revision, text }] of this.joined.answers.open())
      if (this.resumeAt?.has(answer) !== true) this.resume(answer, revision, text.length)
  }

  private resume(answer: string, revision: number, length: number): void {
    this.resumeAt ??= new Map()
    this.resumeAt.set(answer, { revision, length })
  }

  private sendAllSnapshots(): void {
    for (const messageId of this.joined?.answers.open().keys() ?? [])
      if (this.resumeAt?.has(messageId) !== true) this.resume(messageId, 0, 0)
    this.sendSnapshots()
  }

  /** Of the answers whose text the client has to get back; those that find no room wait until the queue has drained. */
  private sendSnapshots(): void {
    if (this.resumeAt === undefined) return
    const { outbound } = this.owner
    for (const [messageId, held] of this.resumeAt) {
      const open = this.joined?.answers.open().get(messageId)
      if (open !== undefined) {
        const { revision, text } = open
        const offset = held.revision === revision && held.length <= text.length ? held.length : 0
        if (!outbound.hasRoom(text.length - offset, "frame")) return
        const { conversationId } = this
        outbound.send({ type: "answer_snapshot", conversationId, messageId, revision, part: 0, offset, text: text.slice(offset) })
      }
      this.resumeAt.delete(messageId)
    }
    this.resumeAt = undefined
  }

  /** From here on the text of this answer is the client's no more, until a snapshot. */
  private loseDelta(delta: NonNullable<LiveEntry["delta"]>): void {
    const lost = this.resumeAt?.get(delta.answer)
    if (lost === undefined) this.resume(delta.answer, delta.revision, delta.offset)
    // A greater revision has nothing in common with what was lost of the older one.
    else if (lost.revision < delta.revision) this.resume(delta.answer, delta.revision, 0)
  }

  private deliverSome(live: LiveBatch): void {
    const { outbound } = this.owner
    let kept: Array<string> = []
    let length = 0
    const writeKept = (): void => {
      if (kept.length > 0) outbound.write(batchOf(kept))
      kept = []
      length = 0
    }
    const hasRoom = (text: string, kind: "frame" | "delta"): boolean => {
      if (length > 0 && outbound.hasRoom(length + text.length, "frames")) return true
      // The network may take at once what is written now.
      writeKept()
      return outbound.hasRoom(text.length, kind)
    }
    for (const [i, entry] of live.entries.entries()) {
      const { text, upTo, delta } = entry
      if (upTo === undefined ? this.ahead : upTo <= this.at) continue
      if (delta !== undefined && (this.resumeAt?.has(delta.answer) === true || !hasRoom(text, "delta"))) {
        this.loseDelta(delta)
        continue
      }
      if (upTo !== undefined && !hasRoom(text, "frame")) {
        writeKept()
        for (const rest of live.entries.slice(i)) if (rest.delta !== undefined) this.loseDelta(rest.delta)
        this.leaveLive()
        this.begin(`${this.joined?.epoch}.${this.at}`)
        return
      }
      kept.push(text)
      length += text.length
      if (upTo !== undefined) this.at = upTo
    }
    writeKept()
    if (!this.ahead || live.upTo < this.at) return
    this.ahead = false
    this.sendAllSnapshots()
  }
}
