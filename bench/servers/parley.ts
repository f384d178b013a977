/** Parley as an embedder runs it. `memory`, `sqlite <directory>`, or `sqlite-single <directory>`: one transaction per message on the same tables. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { serve } from "@parley/adapters/http"
import { devAuthenticator } from "@parley/adapters/jwt"
import { memory } from "@parley/adapters/memory"
import { sqlite } from "@parley/adapters/sqlite"
import { createChat } from "@parley/core"
import { report } from "./report.ts"

const [kind = "memory", directory = ""] = process.argv.slice(2)
const http = createServer()
const chat = await createChat({
  storage: kind === "memory" ? memory() : sqlite({ directory, ...(kind === "sqlite-single" ? { maxBatch: 1 } : {}) }),
  authenticate: devAuthenticator(),
  limits: { maxConnections: 100_000 },
})
serve(chat, http)
http.listen(0, "127.0.0.1", () => report((http.address() as AddressInfo).port))
