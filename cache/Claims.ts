/** The claims of this process, under one sign of life that is made with the first. */
import { randomUUID } from "node:crypto";
import os from "node:os";
import path from "node:path";
import type { Digest } from "../schemas/Digest.ts";
import type { Index } from "./Index.ts";
import { OwnerLock, ownerLives } from "./OwnerLock.ts";
import { StoreTrouble } from "./StoreTrouble.ts";

export class Claims {
  private readonly home: string;
  private readonly index: Index;
  private readonly owner = randomUUID();
  /** Of the claims that are held. */
  private readonly tokens = new Map<Digest, string>();
  /** Tokens of claims that were let go while the index could not be written, as on a full disk: they keep nobody out. */
  private readonly unwritten = new Map<Digest, string>();
  private lock: OwnerLock | undefined;

  constructor(home: string, index: Index) {
    this.home = home;
    this.index = index;
  }

  /** A way to let go, or who holds it. */
  take(key: Digest): string | { readonly release: () => void } {
    this.showLife();
    const token = randomUUID();
    const holder = `process ${process.pid} on ${os.hostname()}`;
    const held = this.index.claim(key, { token, owner: this.owner, holder }, (owner) =>
      this.holds(owner, key),
    );
    if (held !== undefined) return held;
    this.unwritten.delete(key);
    this.tokens.set(key, token);
    return { release: () => this.release(key, token) };
  }

  isHeld(key: Digest): boolean {
    this.writeReleases();
    const owner = this.index.ownerOf(key);
    return owner !== undefined && this.holds(owner, key);
  }

  /** Throws where another process took one of these keys for that of a dead one; keys that were never taken don't count. */
  assertOwn(keys: ReadonlyArray<Digest>) {
    for (const key of keys) {
      const [row] = this.index.rows("SELECT token, holder FROM claims WHERE key = ?", key);
      const token = this.tokens.get(key);
      if (row === undefined || token === undefined || row["token"] === token) continue;
      throw new StoreTrouble({
        message: `${String(row["holder"])} took over what this one was making, since it found no sign of life of it in owners/`,
        fix: "leave the files of the store alone while a run is at work; run the same line again, which takes what the other has made",
      });
    }
  }

  close() {
    this.writeReleases();
    this.lock?.release();
  }

  private showLife() {
    if (this.lock?.isInPlace === true) return;
    this.lock?.release();
    this.lock = new OwnerLock(this.fileOf(this.owner));
  }

  private holds(owner: string, key: Digest): boolean {
    if (owner === this.owner && this.unwritten.has(key)) return false;
    return ownerLives(this.fileOf(owner));
  }

  /** Never throws: it is what remains to be done when something else has gone wrong. */
  private release(key: Digest, token: string) {
    this.tokens.delete(key);
    this.unwritten.set(key, token);
    this.writeReleases();
  }

  private writeReleases() {
    try {
      for (const [key, token] of this.unwritten) {
        this.index.release(key, token);
        this.unwritten.delete(key);
      }
    } catch {
      // For others they are free with the next one that is let go, or when this process ends.
    }
  }

  private fileOf(owner: string): string {
    return path.join(this.home, "owners", owner);
  }
}
