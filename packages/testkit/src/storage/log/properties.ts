/** ConversationLog and Outbox against the model: whatever is committed, in whatever order, both answer and read the same. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import * as FastCheck from "fast-check"
import { ConversationLog, Outbox, type Commit, type CommitOutcome, type ItemBody, type Put } from "@parley/core"
import { ALL, conversation, found, member, message, reactions, type StorageCase } from "../fixtures.ts"
import {
  changesAfter,
  StoreModel,
  membersOf,
  messagesOf,
  modelItemOf,
  reactionsOf,
  type ModelConversation,
  type ModelOutcome,
} from "./model.ts"

/** Strings as the engine lets them through: well-formed and without NUL. */
const text = FastCheck.string({ unit: "binary", maxLength: 12 }).map((value) => value.replaceAll("\0", ""))

const small = (max: number) => FastCheck.nat({ max })

const abstractPut = FastCheck.record({
  kind: FastCheck.constantFrom("conversation", "message", "message", "message", "reactions", "reactions", "member"),
  n: small(3),
  // Mostly the newest change: a commit that conflicts explores little.
  was: FastCheck.constantFrom("current", "current", "current", "current", "older", "new"),
  text,
})

/** Now and then: a commit with every condition at once is refused, and refusals explore little. */
const sometimes = <A>(arbitrary: FastCheck.Arbitrary<A>) =>
  FastCheck.oneof({ weight: 4, arbitrary: FastCheck.constant(undefined) }, { weight: 1, arbitrary })

/** A commit in relation to what the model holds when it is run. */
const command = FastCheck.record({
  conversation: small(1),
  puts: FastCheck.uniqueArray(abstractPut, {
    maxLength: 3,
    selector: ({ kind, n }) => (kind === "conversation" ? kind : `${kind}${n}`),
  }),
  facts: small(2),
  key: sometimes(FastCheck.record({ id: small(3), request: small(1), tenantWide: FastCheck.boolean() })),
  access: sometimes(FastCheck.constantFrom("current", "current", "older")),
  requires: sometimes(small(4)),
  members: sometimes(FastCheck.record({ delta: FastCheck.constantFrom(-1, 1), max: FastCheck.constantFrom(1, 9) })),
  revokes: sometimes(FastCheck.boolean()),
  erase: sometimes(small(3)),
})
type Command = typeof command extends FastCheck.Arbitrary<infer A> ? A : never

const pageQuery = FastCheck.record({ position: small(12), limit: FastCheck.integer({ min: 1, max: 6 }) })

const bodyFor = (room: string, put: { readonly kind: string; readonly n: number; readonly text: string }): ItemBody => {
  switch (put.kind) {
    case "conversation":
      return conversation(room, { name: put.text })
    case "message":
      return message(`msg_${put.n}`, put.text)
    case "reactions":
      return reactions(`msg_${put.n}`, Object.fromEntries([[`:${put.text}`, [put.text]]]))
    default:
      return member(`user${put.n}${put.n === 3 ? "😀" : ""}`, { muted: put.text.length % 2 === 0 })
  }
}

const commitFor = (model: StoreModel, tenant: string, wanted: Command): Commit => {
  const room = `room_${wanted.conversation}`
  const state = model.conversations.get(room)
  const puts = wanted.puts.map((put): Put => {
    const item = bodyFor(room, put)
    const change = state?.items.get(item.id)?.change
    return { item, was: put.was === "new" ? "new" : put.was === "older" ? (change ?? 2) - 1 : (change ?? "new") }
  })
  const first = state === undefined && !wanted.puts.some((put) => put.kind === "conversation")
  const erase = wanted.erase === 0
  return {
    tenant,
    conversation: room,
    puts: erase ? [] : first ? [{ item: conversation(room), was: "new" }, ...puts] : puts,
    outbox: Array.from({ length: wanted.facts }, () => ({ type: "message_sent" as const })),
    ...(wanted.key === undefined || erase
      ? {}
      : { key: { scope: "s", id: `${wanted.key.id}`, request: `r${wanted.key.request}`, tenantWide: wanted.key.tenantWide } }),
    ...(wanted.access === undefined || state === undefined
      ? {}
      : { expectAccess: state.accessVersion - (wanted.access === "older" ? 1 : 0) }),
    ...(wanted.requires === undefined ? {} : { requires: [`msg_${wanted.requires}`] }),
    ...(wanted.members === undefined ? {} : { members: wanted.members }),
    ...(wanted.revokes === undefined ? {} : { revokes: wanted.revokes }),
    ...(erase ? { erase } : {}),
  }
}

const checkOutcome = (outcome: CommitOutcome, expected: ModelOutcome): void => {
  if (expected.outcome === "refused") return Assert.notEqual(outcome.outcome, "ok")
  if (outcome.outcome === "ok") {
    const { change, seq, accessVersion, members } = outcome.head
    const items = outcome.items.map(modelItemOf)
    return Assert.deepEqual({ outcome: "ok", head: { change, seq, accessVersion, members }, items }, expected)
  }
  if (outcome.outcome !== "conflict") return Assert.deepEqual(outcome, expected)
  const { itemId, current } = outcome
  Assert.deepEqual({ outcome: "conflict", itemId, current: current && modelItemOf(current) }, expected)
}

const checkReads = (
  at: { readonly tenant: string; readonly conversation: string },
  state: ModelConversation | undefined,
  { position, limit }: { readonly position: number; readonly limit: number },
) =>
  Effect.gen(function* () {
    const log = yield* ConversationLog
    const pages = {
      changes: yield* log.changes({ ...at, after: position, limit, maxBytes: ALL.maxBytes }),
      before: yield* log.history({ ...at, before: position, limit, maxBytes: ALL.maxBytes }),
      from: yield* log.history({ ...at, from: position, limit, maxBytes: ALL.maxBytes }),
      members: yield* log.members({ ...at, limit }),
    }
    const { heads } = yield* log.heads([at])
    if (state === undefined) {
      Assert.deepEqual([...Object.values(pages), heads], [undefined, undefined, undefined, undefined, []])
      return
    }
    Assert.deepEqual(heads, [
      { tenant: at.tenant, id: at.conversation, change: state.change, accessVersion: state.accessVersion },
    ])
    const after = changesAfter(state, position)
    const changes = found(pages.changes)
    Assert.deepEqual([changes.items.map(modelItemOf), changes.more], [after.slice(0, limit), after.length > limit])
    const last = changes.items.at(-1)?.change ?? position
    if (!changes.more) Assert.equal(changes.upTo, state.change)
    else Assert.ok(changes.upTo >= last && changes.upTo < (after[limit]?.change ?? 0), `upTo is ${changes.upTo}`)
    const messages = messagesOf(state)
    for (const [page, wanted, more] of [
      [
        pages.before,
        messages.filter((each) => (each.seq ?? 0) < position).slice(-limit),
        Math.min(position - 1, state.seq) > limit,
      ],
      [
        pages.from,
        messages.filter((each) => (each.seq ?? 0) >= position).slice(0, limit),
        state.seq - Math.max(position, 1) + 1 > limit,
      ],
    ] as const) {
      const history = found(page)
      Assert.deepEqual([history.messages.map(modelItemOf), history.more], [wanted, more])
      Assert.deepEqual(
        history.reactions.map(modelItemOf).toSorted((a, b) => a.change - b.change),
        reactionsOf(state, wanted).toSorted((a, b) => a.change - b.change),
      )
    }
    const members = found(pages.members)
    const all = membersOf(state)
    Assert.deepEqual([members.members.map(modelItemOf), members.more], [all.slice(0, limit), all.length > limit])
  })

let runs = 0

export const propertyCases: ReadonlyArray<StorageCase> = [
  {
    id: "model.commits",
    title: "agrees with the model on every sequence of commits and on every read between them",
    run: Effect.gen(function* () {
      const context = yield* Effect.context<ConversationLog | Outbox>()
      const property = FastCheck.asyncProperty(
        FastCheck.array(FastCheck.tuple(command, pageQuery), { minLength: 1, maxLength: 30, size: "max" }),
        (steps) =>
          Effect.gen(function* () {
            // A tenant of its own, so that one store serves all runs.
            const tenant = `run${++runs}`
            const log = yield* ConversationLog
            const outbox = yield* Outbox
            const start = (yield* outbox.read(0, 1_000_000)).at(-1)?.position ?? 0
            const model = new StoreModel()
            for (const [wanted, query] of steps) {
              const commit = commitFor(model, tenant, wanted)
              checkOutcome(yield* log.commit(commit), model.commit(commit))
              const { conversation: room } = commit
              yield* checkReads({ tenant, conversation: room }, model.conversations.get(room), query)
            }
            const facts = (yield* outbox.read(start, 1_000_000)).map((row) => ({
              type: row.type,
              conversation: row.conversation,
            }))
            Assert.deepEqual(facts, model.facts)
          }).pipe(Effect.runPromiseWith(context)),
      )
      yield* Effect.promise(() => FastCheck.assert(property, { numRuns: 60 }))
    }),
  },
  {
    id: "model.texts",
    title: "returns any text unchanged, in every place where text stands",
    run: Effect.gen(function* () {
      const context = yield* Effect.context<ConversationLog>()
      const property = FastCheck.asyncProperty(FastCheck.uniqueArray(text, { minLength: 1, maxLength: 8 }), (texts) =>
        Effect.gen(function* () {
          const tenant = `texts${++runs}`
          const log = yield* ConversationLog
          const emojis = Object.fromEntries(texts.map((value) => [value, [value]]))
          const bodies: ReadonlyArray<ItemBody> = [
            conversation("room_1", { name: texts[0] ?? "" }),
            ...texts.map((value, n) => ({ ...message(`msg_${n}${value}`, value), metadata: { [value]: value } })),
            ...texts.map((value) => member(value)),
            { ...reactions("msg_0", emojis), id: "rea_0" },
          ]
          const puts = bodies.map((item): Put => ({ item, was: "new" }))
          const committed = yield* log.commit({ tenant, conversation: "room_1", puts, outbox: [] })
          Assert.equal(committed.outcome, "ok")
          const page = yield* log.changes({ tenant, conversation: "room_1", after: 0, ...ALL })
          Assert.deepEqual(
            found(page).items.map((item) => modelItemOf(item).body),
            bodies,
          )
        }).pipe(Effect.runPromiseWith(context)),
      )
      yield* Effect.promise(() => FastCheck.assert(property, { numRuns: 60 }))
    }),
  },
]
