/**
 * From a decoded request to the use case that answers it, for every transport alike. What depends on a connection (authenticate, subscribe) is not here.
 */
import * as Effect from "effect/Effect"
import type { ChatEngine } from "../engine/chat-engine.ts"
import type { EngineError } from "../engine/environment.ts"
import type { Principal } from "../domain/principal.ts"
import { type ChatError, chatError, type ErrorBody, errorBody } from "../protocol/errors.ts"
import type { Request } from "../protocol/requests.ts"

export type ConnectionBound = "authenticate" | "subscribe" | "unsubscribe" | "ping"
export type Dispatched = Exclude<Request, { readonly type: ConnectionBound }>

export const isConnectionBound = (request: Request): request is Extract<Request, { readonly type: ConnectionBound }> =>
  request.type === "authenticate" || request.type === "subscribe" || request.type === "unsubscribe" || request.type === "ping"

export type Dispatch = (principal: Principal, request: Dispatched) => Effect.Effect<object, EngineError>

export const makeDispatch =
  (engine: ChatEngine): Dispatch =>
  (principal, request) => {
    switch (request.type) {
      case "send_message":
        return engine.sendMessage(principal, request)
      case "edit_message":
        return engine.editMessage(principal, request)
      case "delete_message":
        return engine.deleteMessage(principal, request)
      case "message_reaction":
        return engine.react(principal, request)
      case "stop_answer":
        return engine.stopAnswer(principal, request)
      case "regenerate_answer":
        return engine.regenerateAnswer(principal, request)
      case "get_history":
        return engine.getHistory(principal, request)
      case "list_conversations":
        return engine.listConversations(principal, request)
      case "create_session":
        return engine.createSession(principal, request)
      case "create_room":
        return engine.createRoom(principal, request)
      case "update_conversation": {
        // The use case takes what is left of the frame as the fields to set.
        const { type: _type, id: _id, ...input } = request
        return engine.updateConversation(principal, input)
      }
      case "close_conversation":
        return engine.closeConversation(principal, request)
      case "delete_conversation":
        return engine.deleteConversation(principal, request)
      case "join_room":
        return engine.joinRoom(principal, request)
      case "leave_room":
        return engine.leaveRoom(principal, request)
    }
  }

/** What a client may know of a failure. The rest is for the log. */
export const publicError = (error: EngineError): ChatError =>
  error._tag === "ChatError"
    ? error
    : chatError(error.reason === "unavailable" || error.reason === "closed" ? "storage_unavailable" : "internal")

/** Says what a client may know, and logs what it may not, under the same correlation id. */
export const reportError = (error: EngineError, correlationId: string, requestType: string): Effect.Effect<ErrorBody> => {
  const body = errorBody(publicError(error), correlationId)
  return error._tag === "ChatError"
    ? Effect.as(Effect.logDebug("request refused", { code: body.code, request: requestType, correlationId }), body)
    : Effect.as(
        Effect.logError("request failed", { code: body.code, request: requestType, correlationId, reason: error.message }),
        body,
      )
}
