/** The use cases, bound to one environment: every one is `(principal, input) → result`. */
import { regenerateAnswer, stopAnswer } from "./answer-commands.ts"
import { editLookedAt, sendLookedAt } from "./before-append.ts"
import { deleteMessage, react } from "./change-message.ts"
import {
  closeConversation,
  createRoom,
  createSession,
  deleteConversation,
  listConversations,
  updateConversation,
} from "./conversations.ts"
import type { Environment } from "./environment.ts"
import { joinRoom, leaveRoom } from "./membership.ts"
import { getHistory } from "./read.ts"

export const makeChatEngine = (env: Environment) => ({
  createSession: createSession(env),
  createRoom: createRoom(env),
  updateConversation: updateConversation(env),
  closeConversation: closeConversation(env),
  deleteConversation: deleteConversation(env),
  listConversations: listConversations(env),
  joinRoom: joinRoom(env),
  leaveRoom: leaveRoom(env),
  getHistory: getHistory(env),
  sendMessage: sendLookedAt(env, env.beforeAppend),
  editMessage: editLookedAt(env, env.beforeAppend),
  deleteMessage: deleteMessage(env),
  react: react(env),
  stopAnswer: stopAnswer(env),
  regenerateAnswer: regenerateAnswer(env),
})

export type ChatEngine = ReturnType<typeof makeChatEngine>
