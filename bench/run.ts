/** `npm run bench [-- suite …] [--rounds N]` */
import { mkdtempSync, rmSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { type Contender, startContender } from "./contender.ts"
import { parley, socketIo, ws } from "./dialects.ts"
import { acks } from "./suites/acks.ts"
import { connections } from "./suites/connections.ts"
import { fanOut } from "./suites/fan-out.ts"
import { http } from "./suites/http.ts"
import { latency } from "./suites/latency.ts"
import { tokens } from "./suites/tokens.ts"

const args = process.argv.slice(2)
const at = args.indexOf("--rounds")
const rounds = at === -1 ? 3 : Number(args.splice(at, 2)[1])
const directories: Array<string> = []
const fresh = (): string => {
  const directory = mkdtempSync(join(tmpdir(), "parley-bench-"))
  directories.push(directory)
  return directory
}

const memoryServer = async () => ({ contender: await startContender("parley", "parley.ts"), dialect: parley })
const wsServer = async () => ({ contender: await startContender("ws", "ws.ts"), dialect: ws })
const socketIoServer = async () => ({ contender: await startContender("socket.io", "socket-io.ts"), dialect: socketIo })
const fastifyServer = async () => ({ contender: await startContender("fastify", "fastify.ts") })
const sqliteServer = async (kind: "sqlite" | "sqlite-single") => ({
  contender: await startContender(kind, "parley.ts", [kind, fresh()]),
  dialect: parley,
})
const tokensServer = async (kind: "parley" | "raw") => ({ contender: await startContender(kind, "tokens.ts", [kind]) })

interface Named {
  readonly contender: Contender
}

const withServers = async <S extends Named>(
  servers: Promise<ReadonlyArray<S>>,
  run: (servers: ReadonlyArray<S>) => Promise<string>,
): Promise<string> => {
  const started = await servers
  try {
    return await run(started)
  } finally {
    for (const { contender } of started) contender.end()
  }
}

const SUITES: Readonly<Record<string, () => Promise<string>>> = {
  "fan-out": () => withServers(Promise.all([memoryServer(), wsServer(), socketIoServer()]), (servers) => fanOut(servers, rounds)),
  acks: () => withServers(Promise.all([memoryServer(), wsServer(), socketIoServer()]), (servers) => acks(servers, rounds)),
  durable: () =>
    withServers(Promise.all([sqliteServer("sqlite"), sqliteServer("sqlite-single"), memoryServer()]), (servers) =>
      acks(servers, rounds),
    ),
  latency: () => withServers(Promise.all([memoryServer(), wsServer(), socketIoServer()]), (servers) => latency(servers, rounds)),
  tokens: () =>
    withServers(Promise.all([tokensServer("parley"), tokensServer("raw")]), (servers) =>
      tokens(servers[0] as Named, servers[1] as Named, rounds),
    ),
  http: () =>
    withServers(Promise.all([memoryServer(), fastifyServer()]), (servers) =>
      http((servers[0] as Named).contender, (servers[1] as Named).contender, rounds),
    ),
  connections: () => connections([memoryServer, wsServer, socketIoServer], rounds),
}

const wanted = args.length === 0 ? Object.keys(SUITES) : args
for (const name of wanted)
  if (!(name in SUITES)) {
    console.error(`There is no suite ${name}. The suites are: ${Object.keys(SUITES).join(", ")}.`)
    process.exit(2)
  }
console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${rounds} rounds`)
try {
  for (const name of wanted) {
    const from = performance.now()
    console.log(`\n## ${name}\n`)
    console.log(await (SUITES[name] as () => Promise<string>)())
    console.log(`\n(${Math.round((performance.now() - from) / 1000)} s)`)
  }
} finally {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}
process.exit(0)
