/** The sign of life as others see it. */
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
  "is there while the lock is held, and looking changes nothing",
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
  "of one who is gone is not mistaken for life while somebody else looks, too",
  inDirectory((file) => {
    fs.writeFileSync(file, "");
    const looking = new DatabaseSync(file, { timeout: 0, readOnly: true });
    looking.exec("BEGIN EXCLUSIVE");
    assert.isFalse(seemsAlive(file));
    looking.close();
  }),
);

it(
  "that can't be opened counts as one of the living",
  inDirectory((file) => {
    fs.mkdirSync(file);
    assert.isTrue(seemsAlive(file));
  }),
);
