/**
 * The tables, by migrations: the nth leads from version n - 1 to n. A published one never changes.
 *
 * A conversation has a number of its own (`c`), because every index begins with the conversation: eight bytes at most instead
 * of the tenant's and the conversation's name in each entry.
 *
 * - `conversations`: the heads. An erased one stays as a row without content, so that its id is never given out again and the
 *   facts about it keep their names.
 * - `items`: the newest version of each item. `body` is its JSON without the stamps, which have columns.
 * - `members`: who is where; `position` is the item's id as UTF-16 with the high byte first, because SQLite would compare
 *   text by code points and the contract's order is that of code units.
 * - `commit_keys`, `tenant_keys`: used keys of one conversation, and of a tenant; `committed` is the JSON of `Committed[]`. Most
 *   commits have a key of the first kind, and its id is random: each would touch a page of its own. So the rows are appended, and only
 *   a small hash of scope and id goes into the index, which keeps many on a page.
 */
import { randomBytes } from "node:crypto"
import type { Migration } from "./migrate.ts"

const initial: Migration = {
  up: (database) => {
    database.exec(`
      CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

      CREATE TABLE conversations (
        c INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        erased INTEGER NOT NULL DEFAULT 0,
        type TEXT,
        status TEXT,
        change INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        first_seq INTEGER NOT NULL,
        access_version INTEGER NOT NULL,
        members INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        last_send_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        UNIQUE (tenant, id)
      ) STRICT;
      CREATE INDEX conversations_idle ON conversations (type, last_send_at) WHERE status = 'active';

      CREATE TABLE items (
        n INTEGER PRIMARY KEY,
        c INTEGER NOT NULL,
        id TEXT NOT NULL,
        kind TEXT NOT NULL,
        change INTEGER NOT NULL,
        seq INTEGER,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        body TEXT NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX items_id ON items (c, id);
      CREATE UNIQUE INDEX items_change ON items (c, change);
      CREATE UNIQUE INDEX items_seq ON items (c, seq) WHERE seq IS NOT NULL;

      CREATE TABLE members (
        c INTEGER NOT NULL,
        position BLOB NOT NULL,
        n INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        user_id TEXT NOT NULL,
        status TEXT NOT NULL,
        PRIMARY KEY (c, position)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX members_user ON members (tenant, user_id, c, status);

      CREATE TABLE commit_keys (
        k INTEGER PRIMARY KEY,
        c INTEGER NOT NULL,
        hash INTEGER NOT NULL,
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        committed TEXT NOT NULL
      ) STRICT;
      CREATE INDEX commit_keys_hash ON commit_keys (c, hash);

      CREATE TABLE tenant_keys (
        tenant TEXT NOT NULL,
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        c INTEGER NOT NULL,
        fingerprint BLOB NOT NULL,
        committed TEXT NOT NULL,
        PRIMARY KEY (tenant, scope, id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX tenant_keys_owner ON tenant_keys (c);

      CREATE TABLE answer_leases (
        c INTEGER NOT NULL,
        answer TEXT NOT NULL,
        fence INTEGER NOT NULL,
        until INTEGER NOT NULL,
        stopping INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (c, answer)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX answer_leases_until ON answer_leases (until);

      CREATE TABLE outbox (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        c INTEGER NOT NULL,
        at INTEGER NOT NULL,
        type TEXT NOT NULL,
        actor TEXT,
        item_id TEXT,
        subject TEXT
      ) STRICT;
    `)
    const insert = database.prepare("INSERT INTO meta (name, value) VALUES (?, ?)")
    insert.run("epoch", randomBytes(12).toString("hex"))
    insert.run("fingerprint_key", randomBytes(32))
  },
  down: (database) => {
    for (const table of ["outbox", "answer_leases", "tenant_keys", "commit_keys", "members", "items", "conversations", "meta"])
      database.exec(`DROP TABLE ${table}`)
  },
}

export const migrations: ReadonlyArray<Migration> = [initial]

export interface Meta {
  readonly epoch: string
  readonly fingerprintKey: Uint8Array
}

export const readMeta = (database: Parameters<Migration["up"]>[0]): Meta => {
  const value = database.prepare("SELECT value FROM meta WHERE name = ?")
  const of = (name: string) => value.get(name)?.["value"]
  return { epoch: of("epoch") as string, fingerprintKey: of("fingerprint_key") as Uint8Array }
}
