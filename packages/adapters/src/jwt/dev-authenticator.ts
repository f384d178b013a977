/**
 * Development login: `dev:<userId>` is that user, unproven. Whoever composes a server must offer it on a loopback
 * address only; this module cannot know the address.
 */
import * as Effect from "effect/Effect"
import { authenticationError, DEFAULT_TENANT } from "@parley/core"
import type { AuthenticatorShape } from "@parley/core"

const DEV_TOKEN = /^dev:([A-Za-z0-9._@-]{1,128})$/

export const devAuthenticator = (): AuthenticatorShape => ({
  authenticate: (token) => {
    if (token === "") return Effect.fail(authenticationError("missing", "there is no token"))
    const userId = DEV_TOKEN.exec(token)?.[1]
    return userId === undefined
      ? Effect.fail(
          authenticationError("invalid", "a development token reads dev:<userId>; letters, digits and . _ @ - are allowed"),
        )
      : Effect.succeed({ tenant: DEFAULT_TENANT, userId, roles: [] })
  },
})
