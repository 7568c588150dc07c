/**
 * The lock of a store: one process at a time records or deletes an artifact. The kernel releases it when its holder ends,
 * however it ends. SQLite takes the lock on an empty file, since Node has no call for it.
 */
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

const busyMillis = 10_000;

export class StoreLock {
  private readonly file: string;
  private database: DatabaseSync | undefined;
  private isHeld = false;

  constructor(home: string) {
    this.file = path.join(home, "lock");
  }

  /** Runs `body` while no other process holds the lock. Calls may be nested. */
  hold<A>(body: () => A): A {
    if (this.isHeld) return body();
    const database = this.opened();
    database.exec("BEGIN IMMEDIATE");
    this.isHeld = true;
    try {
      return body();
    } finally {
      this.isHeld = false;
      database.exec("ROLLBACK");
    }
  }

  close() {
    this.database?.close();
  }

  private opened(): DatabaseSync {
    if (this.database === undefined) {
      this.database = new DatabaseSync(this.file, { timeout: busyMillis });
      // Nothing is ever written; without this SQLite puts a journal beside the file.
      this.database.exec("PRAGMA journal_mode = MEMORY");
    }
    return this.database;
  }
}
