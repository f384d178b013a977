/** The entry of the writer's thread. */
import { parentPort, workerData, type MessagePort } from "node:worker_threads"
import { storageFailure } from "./storage-failure.ts"
import { openWriter, type Writer } from "./writer.ts"
import type { FromWriter, ToWriter, WireWrite, WriterOptions } from "./writer-messages.ts"

const serve = (port: MessagePort, writer: Writer): void => {
  port.on("message", (message: ToWriter) => {
    if (message.type === "close") {
      writer.close()
      port.close()
      return
    }
    const results = JSON.stringify(writer.run(JSON.parse(message.writes) as ReadonlyArray<WireWrite>))
    const reply: FromWriter = { type: "outcomes", results, now: writer.now(), transactions: writer.transactions() }
    port.postMessage(reply)
  })
}

const start = (port: MessagePort, { file }: WriterOptions): void => {
  let reply: FromWriter = { type: "open" }
  try {
    serve(port, openWriter(file))
  } catch (error) {
    const { reason, message } = storageFailure(`open ${file}`, error)
    reply = { type: "refused", failure: { reason, message } }
  }
  port.postMessage(reply)
}

if (parentPort !== null) start(parentPort, workerData as WriterOptions)
