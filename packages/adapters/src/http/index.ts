/** `@parley/adapters/http`: the gateway over HTTP, and both transports on one server. */
export type { DoorOptions } from "./door.ts"
export { httpHandler, type HttpHandler } from "./handler.ts"
export { serve, type Served } from "./serve.ts"
