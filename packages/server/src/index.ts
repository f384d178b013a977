/**
 * `@parley/server`: Parley as a Fastify plugin.
 *
 * @example
 * const app = Fastify()
 * await app.register(parley, { chat, prefix: "/v1/chat" })
 * await app.listen({ port: 8080 })
 */
export { parley, type ParleyOptions } from "./fastify-plugin.ts"
