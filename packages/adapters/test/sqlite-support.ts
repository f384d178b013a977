/** Fresh databases and commits for the tests of the SQLite adapter. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Commit, MessageBody } from "@parley/core"

export const TENANT = "default"
export const ROOM = "room_1"

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), "parley-sqlite-"))

export const removeDirectory = (directory: string): void => rmSync(directory, { recursive: true, force: true })

export const createRoom = (conversation: string = ROOM): Commit => ({
  tenant: TENANT,
  conversation,
  puts: [
    {
      was: "new",
      item: { kind: "conversation", id: conversation, v: 1, type: "group", status: "active", createdBy: "ann", maxMembers: 500 },
    },
  ],
  outbox: [],
})

export const message = (id: string, text = "hello"): MessageBody => ({
  kind: "message",
  id,
  v: 1,
  author: { kind: "user", id: "ann" },
  type: "text",
  parts: [{ type: "text", text }],
})

export const send = (id: string, conversation: string = ROOM, text?: string): Commit => ({
  tenant: TENANT,
  conversation,
  key: { scope: "ann", id, request: id },
  puts: [{ was: "new", item: message(id, text) }],
  outbox: [{ type: "message_sent", actor: "ann", itemId: id }],
})
