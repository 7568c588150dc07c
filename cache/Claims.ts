/** The claims of this process, under one sign of life that is made with the first. */
import { randomUUID } from "node:crypto";
import os from "node:os";
import path from "node:path";
import type { Digest } from "../schemas/Digest.ts";
import type { Index } from "./Index.ts";
import { OwnerLock, ownerLives } from "./OwnerLock.ts";

export class Claims {
  private readonly home: string;
  private readonly index: Index;
  private readonly owner = randomUUID();
  /** Tokens of claims that were let go while the index could not be written, as on a full disk: they keep nobody out. */
  private readonly unwritten = new Map<Digest, string>();
  private lock: OwnerLock | undefined;

  constructor(home: string, index: Index) {
    this.home = home;
    this.index = index;
  }

  /** A way to let go, or who holds it. */
  take(key: Digest): string | { readonly release: () => void } {
    this.lock ??= new OwnerLock(this.fileOf(this.owner));
    const token = randomUUID();
    const holder = `process ${process.pid} on ${os.hostname()}`;
    const held = this.index.claim(key, { token, owner: this.owner, holder }, (owner) =>
      this.holds(owner, key),
    );
    if (held !== undefined) return held;
    this.unwritten.delete(key);
    return { release: () => this.release(key, token) };
  }

  isHeld(key: Digest): boolean {
    this.writeReleases();
    const owner = this.index.ownerOf(key);
    return owner !== undefined && this.holds(owner, key);
  }

  close() {
    this.writeReleases();
    this.lock?.release();
  }

  private holds(owner: string, key: Digest): boolean {
    if (owner === this.owner && this.unwritten.has(key)) return false;
    return ownerLives(this.fileOf(owner));
  }

  /** Never throws: it is what remains to be done when something else has gone wrong. */
  private release(key: Digest, token: string) {
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
