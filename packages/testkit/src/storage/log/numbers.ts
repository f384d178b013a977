/** ConversationLog: dense numbers, in the order of the commits, and times that never go back. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { ConversationLog, memberIdOf, type Message } from "@parley/core"
import {
  annId,
  answer,
  commit,
  commitOk,
  conversation,
  createRoom,
  everything,
  expectOutcome,
  item,
  member,
  message,
  numbers,
  put,
  reactions,
  ROOM,
  send,
  TENANT,
  type StorageCase,
} from "../fixtures.ts"

const assistant = (id: string) => message(id, "generated", { kind: "assistant", id: "ai" })

export const numberCases: ReadonlyArray<StorageCase> = [
  {
    id: "numbers.dense",
    title: "gives changes 1, 2, 3 … and new messages seqs 1, 2, 3 …, in the order of the puts",
    run: Effect.gen(function* () {
      const created = yield* createRoom()
      Assert.deepEqual(
        created.items.map((each) => [each.id, each.change]),
        [
          [ROOM, 1],
          [annId, 2],
        ],
      )
      Assert.equal(created.head.seq, 0, "only messages take a seq")
      yield* send("msg_1")
      const two = yield* commitOk({
        puts: [put(message("msg_2")), put(reactions("msg_1", { "👍": ["ann"] })), put(message("msg_3"))],
      })
      Assert.deepEqual(
        two.items.map((each) => [each.id, each.change, each.kind === "message" ? each.seq : "none"]),
        [
          ["msg_2", 4, 2],
          ["rea_1", 5, "none"],
          ["msg_3", 6, 3],
        ],
      )
      Assert.deepEqual([two.head.change, two.head.seq, two.head.members], [6, 3, 1])
      const log = yield* everything()
      Assert.deepEqual(
        log.items.map((each) => each.change),
        numbers(1, 6),
      )
      Assert.deepEqual(log.items.slice(3), two.items, "reads return what the commit returned")
    }),
  },
  {
    id: "numbers.refused-takes-none",
    title: "skips no number for a commit that is refused",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* send("msg_1")
      expectOutcome(yield* commit({ puts: [put(message("msg_2")), put(message("msg_1"))] }), "conflict")
      expectOutcome(yield* commit({ puts: [put(message("msg_2"))], expectAccess: 99 }), "stale_access")
      expectOutcome(yield* commit({ puts: [put(message("msg_2"))], requires: ["msg_none"] }), "missing")
      expectOutcome(yield* commit({ puts: [put(message("msg_2"))], fence: { answer: "msg_1", fence: 1 } }), "fenced")
      expectOutcome(yield* commit({ puts: [put(message("msg_2"))], members: { delta: 1, max: 1 } }), "room_full")
      const next = yield* send("msg_2")
      Assert.deepEqual([next.head.change, next.head.seq], [4, 2])
      Assert.deepEqual(
        (yield* everything()).items.map((each) => each.change),
        numbers(1, 4),
      )
    }),
  },
  {
    id: "numbers.edit",
    title: "gives an edit the next change and leaves the message its seq and its createdAt",
    run: Effect.gen(function* () {
      yield* createRoom()
      const first = yield* send("msg_1")
      yield* send("msg_2")
      const edited = yield* commitOk({ puts: [put(message("msg_1", "edited"), 3)] })
      const [now] = edited.items as ReadonlyArray<Message>
      const [then] = first.items as ReadonlyArray<Message>
      Assert.deepEqual([now?.change, now?.seq, now?.createdAt], [5, 1, then?.createdAt])
      Assert.equal(edited.head.seq, 2, "an edit takes no seq")
      Assert.deepEqual(yield* item("msg_1"), now)
    }),
  },
  {
    id: "numbers.access-version",
    title: "moves accessVersion by one exactly when a commit revokes",
    run: Effect.gen(function* () {
      const { head } = yield* createRoom()
      const sent = yield* send("msg_1")
      Assert.equal(sent.head.accessVersion, head.accessVersion, "a send takes nothing away")
      const left = yield* commitOk({
        puts: [put(member("ann", { status: "left" }), 2)],
        members: { delta: -1, max: 10 },
        revokes: true,
      })
      Assert.deepEqual([left.head.accessVersion, left.head.members], [head.accessVersion + 1, 0])
      const none = yield* commitOk({ revokes: true })
      Assert.deepEqual([none.head.accessVersion, none.head.change], [head.accessVersion + 2, left.head.change])
    }),
  },
  {
    id: "numbers.times",
    title: "dates every change on one clock that never goes back",
    run: Effect.gen(function* () {
      let { updatedAt } = (yield* createRoom()).head
      for (const n of numbers(1, 30)) {
        const { head, items } = yield* send(`msg_${n}`)
        const [sent] = items
        Assert.ok(sent !== undefined && Number.isSafeInteger(sent.createdAt), "times are whole milliseconds")
        Assert.ok(sent.createdAt >= updatedAt, `message ${n} is dated ${sent.createdAt}, before ${updatedAt}`)
        Assert.deepEqual([sent.updatedAt, head.updatedAt], [sent.createdAt, sent.createdAt])
        updatedAt = sent.createdAt
      }
      const created = (yield* item("msg_1")).createdAt
      const edited = yield* commitOk({ puts: [put(message("msg_1", "edited"), 3)] })
      Assert.ok(edited.head.updatedAt >= updatedAt)
      Assert.deepEqual([edited.items[0]?.createdAt, edited.items[0]?.updatedAt], [created, edited.head.updatedAt])
      const log = yield* everything()
      Assert.equal(log.head.createdAt, log.items[0]?.createdAt)
    }),
  },
  {
    id: "numbers.last-send",
    title: "moves lastSendAt with a person's new message and with nothing else",
    run: Effect.gen(function* () {
      yield* createRoom()
      const sent = yield* send("msg_1")
      Assert.equal(sent.head.lastSendAt, sent.items[0]?.createdAt)
      // Until the clock has moved, an adapter that dates every change would pass.
      let updatedAt = sent.head.updatedAt
      for (let n = 0; updatedAt === sent.head.updatedAt && n < 1_000; n++) {
        const next = yield* commitOk({ puts: [put(assistant(`msg_ai${n}`)), put(answer(`msg_answer${n}`))] })
        Assert.equal(next.head.lastSendAt, sent.head.lastSendAt, "an answer is nobody's send")
        updatedAt = next.head.updatedAt
        yield* Effect.sleep(1)
      }
      Assert.ok(updatedAt > sent.head.updatedAt, "the store's clock stands still")
      const edited = yield* commitOk({ puts: [put(message("msg_1", "edited"), 3)] })
      Assert.equal(edited.head.lastSendAt, sent.head.lastSendAt, "an edit is no send")
      const again = yield* send("msg_2")
      Assert.equal(again.head.lastSendAt, again.head.updatedAt)
      Assert.ok(again.head.lastSendAt > sent.head.lastSendAt)
    }),
  },
  {
    id: "numbers.head",
    title: "starts a conversation with a row that says where it stands",
    run: Effect.gen(function* () {
      const { head } = yield* createRoom()
      Assert.deepEqual(
        [head.tenant, head.id, head.change, head.seq, head.firstSeq, head.members, head.lastSendAt],
        [TENANT, ROOM, 2, 0, 1, 1, head.createdAt],
      )
      Assert.match(head.epoch, /^[0-9A-Za-z]{1,32}$/u)
      const snapshot = yield* ConversationLog.use((log) =>
        log.get({ tenant: TENANT, conversation: ROOM, items: [memberIdOf("ann"), "msg_none", ROOM] }),
      )
      Assert.deepEqual(snapshot?.head, head)
      Assert.deepEqual(
        snapshot?.items.map((each) => each?.id),
        [annId, undefined, ROOM],
      )
      const created = yield* commitOk({ conversation: "room_2", puts: [put(conversation("room_2"))] })
      Assert.equal(created.head.epoch, head.epoch, "one store has one epoch")
    }),
  },
]
