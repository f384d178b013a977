/** `@parley/adapters/jwt`: who calls, told by a signed token, or by a name in development. */
export { devAuthenticator } from "./dev-authenticator.ts"
export { JWKS_ALGORITHMS, jwksAuthenticator } from "./jwks-authenticator.ts"
export type { JwksAlgorithm, JwksOptions } from "./jwks-authenticator.ts"
export { jwtAuthenticator } from "./jwt-authenticator.ts"
export type { JwtOptions } from "./jwt-authenticator.ts"
