/**
 * Generates one answer this process holds the lease of: context, providers in their order, deltas, and exactly one ending.
 */
import type * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Attempt, Ending } from "../../domain/answer.ts"
import type { Conversation, Message } from "../../domain/item.ts"
import type { AiProvider, AiRequest } from "../../ports/ai-provider.ts"
import type { AnswerLeasesShape, AnswerRef, Claim } from "../../ports/answer-leases.ts"
import { buildContext, SYSTEM_PROMPT } from "../../prompt/context.ts"
import type { EngineError, Environment } from "../environment.ts"
import { type AnswerText, makeAnswerText, type TextPiece } from "./answer-text.ts"
import { type Heard, runAttempt } from "./attempt.ts"
import { type AttemptEnd, mayFailOver, outcomeOf, reason, verdictOf } from "./judge.ts"
import { begin, end } from "./ownership.ts"

export interface AnswerEnvironment extends Environment {
  readonly leases: AnswerLeasesShape
  /** In the order they are tried. */
  readonly providers: ReadonlyArray<AiProvider>
}

export const generate = (
  env: AnswerEnvironment,
  ref: AnswerRef,
  claim: Claim,
  signal: Deferred.Deferred<"stopped" | "lost">,
): Effect.Effect<void, EngineError> =>
  Effect.gen(function* () {
    const begun = yield* begin(env, ref, claim)
    if (begun.type === "gone") return
    if (begun.type === "end") return void (yield* end(env, ref, claim.fence, begun.ending))
    const { revision } = begun
    const turn = yield* readTurn(env, ref, begun.answer.answer.turn)
    if (turn === undefined) {
      const ending: Ending = { state: "failed", revision, parts: [], error: reason("message_deleted") }
      return void (yield* end(env, ref, claim.fence, ending))
    }
    const request = yield* requestFor(env, ref, turn, begun.conversation)
    const text = makeAnswerText({ maxLength: env.limits.maxAnswerLength, maxDelta: env.limits.maxDeltaLength })
    const done = yield* Effect.onInterrupt(attemptAll(env, ref, claim, revision, request, text, signal), () =>
      // Passed on with the text so far: whoever takes over need not wait for the lease to run out.
      Effect.ignore(
        Effect.andThen(
          env.leases.renew(ref, claim.fence, env.timing.lease, { revision, text: text.text() }),
          env.leases.release(ref, claim.fence),
        ),
      ),
    )
    if (done.end.type === "lost") return
    text.finish()
    emit(env, ref, revision, text)
    yield* end(env, ref, claim.fence, endingOf(done.end, done.heard, text, revision, done.attempts))
  })

const readTurn = (env: Environment, ref: AnswerRef, turn: string): Effect.Effect<Message | undefined, EngineError> =>
  Effect.map(env.log.get({ tenant: ref.tenant, conversation: ref.conversation, items: [turn] }), (snapshot) => {
    const item = snapshot?.items[0]
    return item?.kind === "message" && item.deleted === undefined ? item : undefined
  })

const requestFor = (
  env: Environment,
  ref: AnswerRef,
  turn: Message,
  conversation: Conversation,
): Effect.Effect<AiRequest, EngineError> =>
  Effect.map(
    env.log.history({
      tenant: ref.tenant,
      conversation: ref.conversation,
      before: turn.seq,
      // Twice as many, because answers and variants stand between the questions.
      limit: Math.min(env.limits.maxHistoryPage, env.limits.contextMessages * 2),
      maxBytes: Number.MAX_SAFE_INTEGER,
    }),
    (page): AiRequest => ({
      system: SYSTEM_PROMPT,
      requestId: ref.answer,
      messages: buildContext(turn, page?.messages ?? [], conversation.context, {
        messages: env.limits.contextMessages,
        length: env.limits.contextLength,
      }),
    }),
  )

interface Done {
  readonly end: AttemptEnd
  readonly heard: Heard & { readonly provider: string }
  readonly attempts: ReadonlyArray<Attempt>
}

const attemptAll = (
  env: AnswerEnvironment,
  ref: AnswerRef,
  claim: Claim,
  revision: number,
  request: AiRequest,
  text: AnswerText,
  signal: Deferred.Deferred<"stopped" | "lost">,
): Effect.Effect<Done> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clockWith(Effect.succeed)
    const keep = keepLease(env, ref, claim, revision, text, () => clock.currentTimeMillisUnsafe())
    const begun = clock.currentTimeMillisUnsafe()
    const attempts: Array<Attempt> = []
    for (let i = 0; ; i++) {
      const provider = env.providers[i] as AiProvider
      const from = clock.currentTimeMillisUnsafe()
      const { end, heard } = yield* runAttempt({
        provider,
        request,
        timing: env.timing,
        begun,
        text,
        keep,
        signal,
        emit: () => emit(env, ref, revision, text),
      })
      attempts.push({
        provider: provider.name,
        outcome: outcomeOf(end),
        ms: Math.round(clock.currentTimeMillisUnsafe() - from),
        ...(heard.model === undefined ? {} : { model: heard.model }),
        ...(heard.usage === undefined ? {} : { usage: heard.usage }),
      })
      // Each of them, also where another provider stepped in: what its user never saw is its operator's news.
      if (end.type === "error" || end.type === "cut" || end.type === "timeout")
        yield* Effect.logWarning("provider failed", {
          answer: ref.answer,
          provider: provider.name,
          outcome: outcomeOf(end),
          ...(end.type === "error" ? { reason: end.message } : {}),
        })
      if (i + 1 === env.providers.length || !mayFailOver(end, text.text() !== ""))
        return { end, heard: { ...heard, provider: provider.name }, attempts }
    }
  })

/** Shows what is new: a hint to every node, which none needs, because the text is stored too. */
const emit = (env: Environment, ref: AnswerRef, revision: number, text: AnswerText): void => {
  for (let piece = text.take(); piece !== undefined; piece = text.take()) publish(env, ref, revision, piece)
}

const publish = (env: Environment, ref: AnswerRef, revision: number, piece: TextPiece): void =>
  env.bus.publish({
    type: "delta",
    tenant: ref.tenant,
    conversation: ref.conversation,
    delta: { answer: ref.answer, revision, part: 0, ...piece },
  })

/**
 * Renews when it is time to. A store that cannot be written is waited for while the lease lasts: after that somebody else may own the answer,
 * and this process must fall silent, whatever it believes.
 */
const keepLease = (
  env: AnswerEnvironment,
  ref: AnswerRef,
  claim: Claim,
  revision: number,
  text: AnswerText,
  now: () => number,
): Effect.Effect<"held" | "stopping" | "lost"> => {
  let renewed = now()
  let stored = 0
  return Effect.suspend(() => {
    const length = text.text().length
    const moved = length !== stored
    if (now() - renewed < (moved ? env.timing.renewWhileMoving : env.timing.renewWhileIdle))
      return Effect.succeed("held" as const)
    const from = now()
    const checkpoint = moved ? { revision, text: text.text() } : undefined
    return Effect.matchEffect(env.leases.renew(ref, claim.fence, env.timing.lease, checkpoint), {
      onSuccess: (state) =>
        Effect.sync(() => {
          renewed = from
          stored = length
          // Says where the text ends: a node that lost the last piece learns it without waiting for the next one.
          if (!moved && length > 0) publish(env, ref, revision, { offset: length, text: "" })
          return state
        }),
      onFailure: (error) =>
        Effect.as(
          Effect.logWarning("the lease of an answer could not be renewed", { answer: ref.answer, reason: error.message }),
          now() - renewed >= env.timing.lease ? ("lost" as const) : ("held" as const),
        ),
    })
  })
}

const endingOf = (
  end: Exclude<AttemptEnd, { readonly type: "lost" }>,
  heard: Done["heard"],
  text: AnswerText,
  revision: number,
  attempts: ReadonlyArray<Attempt>,
): Ending => ({
  ...verdictOf(end, text.text() !== ""),
  revision,
  attempts,
  provider: heard.provider,
  parts: [...(text.text() === "" ? [] : [{ type: "text" as const, text: text.text() }]), ...heard.sources],
  ...(heard.model === undefined ? {} : { model: heard.model }),
  ...(heard.usage === undefined ? {} : { usage: heard.usage }),
})
