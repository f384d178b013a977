/** `@parley/adapters/jwt`: who calls, told by a signed token, or by a name in development. */
export { devAuthenticator } from "./dev-authenticator.ts"
export { jwtAuthenticator } from "./jwt-authenticator.ts"
export type { JwtOptions } from "./jwt-authenticator.ts"
