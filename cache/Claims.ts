/**
 * Claims on keys: one process at a time works on a key.
 *
 * A claim is a symbolic link `claims/<key>` whose target names the owner; creating it fails if the key has a claim. A
 * process that replaces the claim of a dead owner holds the lock of the owner's file meanwhile, so only one replaces it.
 */
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Digest } from "../schemas/Digest.ts";
import { namesIn } from "./diskUse.ts";
import { lockDead, OwnerLock, ownerLives } from "./OwnerLock.ts";
import { StoreTrouble } from "./StoreTrouble.ts";
import { incomingPath } from "./Trees.ts";

export interface Claim {
  readonly key: Digest;
  readonly owner: string;
  readonly token: string;
  /** The process, as messages name it. */
  readonly holder: string;
}

export const readClaim = (home: string, key: Digest): Claim | undefined => {
  try {
    const [owner = "", token = "", ...holder] = fs.readlinkSync(fileOf(home, key)).split("/");
    return { key, owner, token, holder: holder.join("/") };
  } catch {
    return undefined;
  }
};

export const allClaims = (home: string): ReadonlyArray<Claim> =>
  namesIn(`${home}/claims`).flatMap((key) => readClaim(home, key) ?? []);

export const ownerFile = (home: string, owner: string): string => path.join(home, "owners", owner);

/** Removes the claim of a dead owner; false if the owner lives or the key has another claim by now. */
export const removeDead = (home: string, { key, owner }: Claim): boolean =>
  lockDead(ownerFile(home, owner), () => {
    if (readClaim(home, key)?.owner !== owner) return false;
    fs.rmSync(fileOf(home, key), { force: true });
    return true;
  }) ?? false;

const fileOf = (home: string, key: Digest): string => `${home}/claims/${key}`;

/** Short, since a link of less than 60 bytes lies in its inode and needs no room on a full disk. */
const shortName = () => randomUUID().replaceAll("-", "").slice(0, 16);

export class Claims {
  private readonly home: string;
  readonly owner = shortName();
  /** The tokens of the claims that this process holds. */
  private readonly tokens = new Map<Digest, string>();
  private lock: OwnerLock | undefined;

  constructor(home: string) {
    this.home = home;
  }

  /** A claim to release, or the name of the process that holds the key. */
  take(key: Digest): string | { readonly release: () => void } {
    this.showLife();
    const token = shortName();
    const holder = `process ${process.pid} on ${os.hostname()}`;
    const target = `${this.owner}/${token}/${holder}`;
    while (!this.link(key, target)) {
      const claim = readClaim(this.home, key);
      if (claim === undefined) continue;
      const isOver = this.isLeftByUs(claim)
        ? this.replace(claim, target)
        : lockDead(ownerFile(this.home, claim.owner), () => this.replace(claim, target));
      if (isOver === undefined) return claim.holder;
      if (isOver) break;
    }
    this.tokens.set(key, token);
    return { release: () => this.release(key, token) };
  }

  isHeld(key: Digest): boolean {
    const claim = readClaim(this.home, key);
    if (claim === undefined || this.isLeftByUs(claim)) return false;
    return ownerLives(ownerFile(this.home, claim.owner));
  }

  /** Throws if another process took over a claim of this one, and may have released it since; keys never claimed are ignored. */
  assertOwn(keys: ReadonlyArray<Digest>) {
    for (const key of keys) {
      const token = this.tokens.get(key);
      if (token === undefined) continue;
      const claim = readClaim(this.home, key);
      if (claim?.token === token) continue;
      throw new StoreTrouble({
        message: `${claim?.holder ?? "another process"} took over a claim of this process, whose lock file in owners/ is gone`,
        fix: "run the same command again, which reuses the other's result; keep the store's files while a run works",
      });
    }
  }

  close() {
    this.lock?.release();
  }

  private showLife() {
    if (this.lock?.isInPlace === true) return;
    this.lock?.release();
    this.lock = new OwnerLock(ownerFile(this.home, this.owner));
  }

  /** False if the key has a claim. */
  private link(key: Digest, target: string): boolean {
    try {
      fs.symlinkSync(target, fileOf(this.home, key));
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EEXIST") return false;
      if (code !== "ENOENT") throw error;
      fs.mkdirSync(`${this.home}/claims`, { recursive: true });
      return this.link(key, target);
    }
  }

  /** A claim that this process released and could not remove. */
  private isLeftByUs({ key, owner, token }: Claim): boolean {
    return owner === this.owner && this.tokens.get(key) !== token;
  }

  private replace({ key, token }: Claim, target: string): boolean {
    if (readClaim(this.home, key)?.token !== token) return false;
    const link = incomingPath(this.home);
    fs.symlinkSync(target, link);
    fs.renameSync(link, fileOf(this.home, key));
    return true;
  }

  /** Never throws: it runs after other errors, too. */
  private release(key: Digest, token: string) {
    this.tokens.delete(key);
    try {
      if (readClaim(this.home, key)?.token === token) fs.unlinkSync(fileOf(this.home, key));
    } catch {
      // Other processes can take it when this one ends.
    }
  }
}
