/** An owner's lock file, as other processes see it. */
import { assert, it } from "@effect/vitest";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { OwnerLock, seemsAlive } from "../../cache/OwnerLock.ts";

const inDirectory = (test: (file: string) => void) => () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-owner-"));
  try {
    test(path.join(directory, "owner"));
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
};

it(
  "an owner seems alive while it holds the lock, and checking changes nothing",
  inDirectory((file) => {
    const lock = new OwnerLock(file);
    assert.isTrue(seemsAlive(file));
    lock.release();
    assert.isFalse(seemsAlive(file));
    assert.isFalse(fs.existsSync(file));
    fs.writeFileSync(file, "");
    assert.isFalse(seemsAlive(file));
    assert.isTrue(fs.existsSync(file));
  }),
);

it(
  "a dead owner seems dead while another process checks, too",
  inDirectory((file) => {
    fs.writeFileSync(file, "");
    const looking = new DatabaseSync(file, { timeout: 0, readOnly: true });
    looking.exec("BEGIN EXCLUSIVE");
    assert.isFalse(seemsAlive(file));
    looking.close();
  }),
);

it(
  "an owner whose lock file can't be opened seems alive",
  inDirectory((file) => {
    fs.mkdirSync(file);
    assert.isTrue(seemsAlive(file));
  }),
);
