/**
 * The reference log of one conversation: what was committed, in order, and from it what anybody must hold at any position. It
 * shares no code with the engine; it knows only that a version is named by its change.
 */
import { checkSuccession, checkVersion } from "./succession.ts"
import { type Violation, violation } from "./violation.ts"
import { type LoggedItem, projected, type WireItem } from "./wire-item.ts"

export class LogModel {
  readonly conversationId: string
  readonly epoch: string
  readonly #versions: Array<WireItem> = []
  readonly #newest = new Map<string, WireItem>()
  readonly #violations: Array<Violation> = []
  #lastSeq = 0
  #updatedAt = Number.NEGATIVE_INFINITY

  constructor(conversationId: string, epoch: string) {
    this.conversationId = conversationId
    this.epoch = epoch
  }

  /** A log from all items ever committed, in whatever order their commits were recorded. */
  static of(conversationId: string, epoch: string, items: ReadonlyArray<LoggedItem>): LogModel {
    const log = new LogModel(conversationId, epoch)
    log.apply(items.toSorted((a, b) => a.change - b.change))
    return log
  }

  /** Takes stored items in the order of their changes; a commit or a whole history at once. */
  apply(items: ReadonlyArray<LoggedItem>): void {
    for (const item of items) this.#append(projected(item))
  }

  /** The greatest change; 0 before the first. */
  get head(): number {
    return this.#versions.length
  }

  /** What broke the log's own rules so far. */
  get violations(): ReadonlyArray<Violation> {
    return this.#violations
  }

  /** The version that a change made. */
  version(change: number): WireItem | undefined {
    return this.#versions[change - 1]
  }

  newest(id: string): WireItem | undefined {
    return this.#newest.get(id)
  }

  /** Map of item id → the version with the greatest change, of changes up to `change`: the state of a reader of everything. */
  stateAt(change: number = this.head): ReadonlyMap<string, WireItem> {
    return new Map(this.#versions.slice(0, change).map((item) => [item.id, item]))
  }

  /** The items whose newest change is at or below `change`: those about which a reader there has no excuse. */
  settledAt(change: number): ReadonlyArray<WireItem> {
    return [...this.#newest.values()].filter((item) => item.change <= change)
  }

  /** The seq that decides whether an item stands in a window: a message's own, or that of the message reacted to. */
  seqOf(item: WireItem): number | undefined {
    return item.kind === "reactions" ? this.#newest.get(item.messageId ?? "")?.seq : item.seq
  }

  #append(item: WireItem): void {
    const broken = (kind: Violation["kind"], detail: string) => this.#violations.push(violation(kind, detail, item.id))
    if (item.change !== this.head + 1) broken("change_not_dense", `change ${item.change} follows ${this.head}`)
    const before = this.#newest.get(item.id)
    if (before === undefined && item.kind === "message") {
      if (item.seq !== this.#lastSeq + 1) broken("seq_not_dense", `seq ${item.seq} follows ${this.#lastSeq}`)
      this.#lastSeq = item.seq ?? this.#lastSeq
    }
    const at = item.updatedAt ?? this.#updatedAt
    if (at < this.#updatedAt) broken("date_backwards", `${at} follows ${this.#updatedAt}`)
    if (before === undefined && item.createdAt !== item.updatedAt) broken("date_backwards", "a new item is older than its change")
    this.#updatedAt = at
    this.#violations.push(...checkVersion(item), ...(before === undefined ? [] : checkSuccession(before, item)))
    this.#versions.push(item)
    this.#newest.set(item.id, item)
  }
}
