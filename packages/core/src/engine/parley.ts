/**
 * The door for Effect users: the assembled core as a service. Its layer needs the ports and nothing else, fails with nothing of its own (opening a
 * store fails in the store's layer), and ends everything with its scope.
 *
 * @example
 * const ChatLive = Parley.layer({ ai: [knowledgeAssistant()] }).pipe(Layer.provide([memory(), noTokens]))
 * const program = Effect.gen(function* () {
 *   const { engine } = yield* Parley
 *   return yield* engine.createSession({ tenant: "default", userId: "ann", roles: [] }, {})
 * })
 * await Effect.runPromise(Effect.provide(program, ChatLive))
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { authenticationError, Authenticator } from "../ports/authenticator.ts"
import { type Assembled, type AssembleOptions, assemble } from "./assemble.ts"

export class Parley extends Context.Service<Parley, Assembled>()("parley/Parley") {
  static readonly layer = (options: AssembleOptions) => Layer.effect(this, assemble(options))
}

/** Takes no token from anybody: for programs that speak for their users themselves. */
export const noTokens: Layer.Layer<Authenticator> = Layer.succeed(Authenticator, {
  authenticate: () => Effect.fail(authenticationError("invalid", "no `authenticate` is configured, so no token is accepted")),
})
