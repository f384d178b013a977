/** `AnswerLeases` over the write queue and the read connection. */
import * as Effect from "effect/Effect"
import { AnswerLeases } from "@parley/core"
import type { Reader } from "./reader.ts"
import type { WriterClient } from "./writer-client.ts"
import type { Renewal, WireResult, WireWrite } from "./writer-messages.ts"

/** What a write weighs beside the text it carries. */
const BARE = 100

export const makeAnswerLeases = (reader: Reader, writer: WriterClient, now: () => number): AnswerLeases["Service"] => {
  const expired = reader.query<{ tenant: string; conversation: string; answer: string }>(
    `SELECT v.tenant, v.id AS conversation, l.answer FROM answer_leases l JOIN conversations v ON v.c = l.c
     WHERE l.until <= ? ORDER BY l.until LIMIT ?`,
  )
  const open = reader.query<{ answer: string; revision: number; text: string; stopping: number }>(
    `SELECT l.answer, l.revision, l.text, l.stopping FROM conversations v JOIN answer_leases l ON l.c = v.c
     WHERE v.tenant = ? AND v.id = ? AND v.erased = 0`,
  )
  const write = <A>(op: WireWrite, size: number, resultOf: (result: WireResult) => A) =>
    Effect.map(writer.write(op, size), resultOf)

  return AnswerLeases.of({
    claim: (ref, leaseMs) => write({ op: "claim", ref, leaseMs }, BARE, ({ claim }) => claim),
    renew: (ref, fence, leaseMs, checkpoint) =>
      write(
        { op: "renew", ref, fence, leaseMs, ...(checkpoint === undefined ? {} : { checkpoint }) },
        BARE + (checkpoint?.text.length ?? 0),
        ({ renewal }) => renewal as Renewal,
      ),
    release: (ref, fence) => write({ op: "release", ref, fence }, BARE, () => undefined),
    expired: (limit) =>
      reader.snapshot("expired", () =>
        expired.all(now(), limit).map(({ tenant, conversation, answer }) => ({ tenant, conversation, answer })),
      ),
    open: (tenant, conversation) =>
      reader.snapshot("open", () =>
        open.all(tenant, conversation).map(({ answer, revision, text, stopping }) => ({
          answer,
          checkpoint: { revision, text },
          stopping: stopping === 1,
        })),
      ),
  })
}
