import { expect, it } from "vitest"
import { openAiSettings } from "../src/provider-settings.ts"
import { SETTINGS } from "../src/settings.ts"

const row = (setting: (typeof SETTINGS)[keyof typeof SETTINGS]): string => {
  const fallback = "fallback" in setting && setting.fallback !== "" ? `\`${setting.fallback}\`` : "none"
  return `| \`${setting.name}\` | ${fallback} | ${setting.meaning} | ${setting.allowed} |`
}

const providerRow = ({ name, meaning, allowed }: { readonly name: string; readonly meaning: string; readonly allowed: string }) =>
  `| \`${name}\` | ${meaning} | ${allowed} |`

const page = `# Configuration

The server reads environment variables once, at start. Everything that is wrong with them is told at once, and the process ends with code 2.
An empty variable counts as absent, \`PARLEY_JWT_SECRET\` excepted. Names that begin with \`PARLEY_\` and are not below are refused: they are typing mistakes.
Durations are milliseconds, or have a unit: \`500\`, \`10s\`, \`2m\`, \`1h\`, \`30d\`. This page is made from \`packages/server/src/settings.ts\`
and kept equal to it by a test (\`npm test -- packages/server/test/configuration -u\` writes it).

| name | default | meaning | allowed |
| --- | --- | --- | --- |
${Object.values(SETTINGS).map(row).join("\n")}

## Who answers

\`PARLEY_AI\` lists who answers, in the order they are tried: the next one is asked while nobody has seen a word of the answer, and never around a policy. An entry is
a kind, or \`name:kind\` where several are of one kind. \`knowledge\` is the embedded assistant, which needs no key and no network; last in the chain it answers
while all others are down. \`openai\` is OpenAI or any server that speaks its Chat Completions API, and reads variables that begin with the entry's name
in capital letters, with \`_\` for \`-\`:

| name | meaning | allowed |
| --- | --- | --- |
${Object.values(openAiSettings("<NAME>")).map(providerRow).join("\n")}

So \`PARLEY_AI=openai,backup:openai,knowledge\` needs \`OPENAI_API_KEY\`, \`OPENAI_MODEL\`, \`BACKUP_API_KEY\` and \`BACKUP_MODEL\`, and takes \`BACKUP_BASE_URL\`.
The key and the conversation go to that URL and nowhere else; neither they nor the server's own words stand in the log.

## Signing in

Without \`PARLEY_JWT_SECRET\` or \`PARLEY_JWKS_URL\` there is the development login: the token \`dev:ann\` is the user \`ann\`, unproven. It works on a loopback \`HOST\` alone, and
only under names of this machine (\`localhost\`, \`127.0.0.1\`, \`[::1]\`, or the host of an origin in \`ALLOWED_ORIGINS\`). A \`HOST\` that other machines can reach
is refused without either. Do not put a proxy that others can reach in front of a server with the development login.

With the secret, a token is a JWT signed with HS256 that has \`sub\` (the user) and \`exp\`, and the issuer and audience that are configured.
With a key set, it is signed with RS256 or ES256 by a key of that set, which is fetched at the first token and kept for ten minutes. One or the other: a server with both is refused.

Behind a proxy that ends TLS, name the server's own origin in \`ALLOWED_ORIGINS\`: the server sees http where the browser saw https.

## Exit codes

| code | meaning |
| --- | --- |
| 0 | drained after SIGTERM or SIGINT |
| 1 | the start failed (port taken, data folder locked or not writable), the process failed, the drain took longer than 25 s, or a second signal came |
| 2 | the configuration was refused |

## Health

\`GET /healthz\` answers 200 while the process lives. \`GET /readyz\` answers 200 while the store answers and nobody is shutting down, else 503, and says which
part is not ready. Standard output has the address as its first line; standard error has the log, one JSON object a line with \`level\`, \`time\` and \`message\`, without
any message's text and without tokens.
`

it("docs/configuration.md lists every setting with its default", async () => {
  await expect(page).toMatchFileSnapshot("../../../docs/configuration.md")
})
