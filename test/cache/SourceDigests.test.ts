import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, vi } from "vitest";
import { type KnownDigest, SourceDigests } from "../../cache/SourceDigests.ts";

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-sources-"));
afterAll(() => fs.rmSync(directory, { recursive: true }));

const untilSettledMillis = 2200;

const nothingKnown = () => new SourceDigests(() => undefined);

const knowing = (learned: ReadonlyMap<string, KnownDigest>) =>
  new SourceDigests((file) => learned.get(file));

describe("the digest of a local file", () => {
  it("is remembered, unless the file changed just now", async () => {
    const file = path.join(directory, "a");
    fs.writeFileSync(file, "one");
    const changedAt = fs.statSync(file).ctimeMs;
    vi.useFakeTimers({ toFake: ["Date"], now: changedAt + 1000 });
    const early = nothingKnown();
    const digest = await early.ofPath(file);
    assert.strictEqual(early.learned.size, 0);

    vi.setSystemTime(changedAt + untilSettledMillis);
    const late = nothingKnown();
    assert.strictEqual(await late.ofPath(file), digest);
    assert.deepStrictEqual([...late.learned.keys()], [file]);
    vi.useRealTimers();
  });

  it("is not computed again until the file changes in any way", async () => {
    const file = path.join(directory, "b");
    fs.writeFileSync(file, "one");
    await setTimeout(untilSettledMillis);
    const first = nothingKnown();
    const digest = await first.ofPath(file);
    // A wrong digest shows that it was not computed.
    const wrong = new Map(
      [...first.learned].map(([name, known]) => [name, { ...known, digest: "0".repeat(64) }]),
    );
    assert.notStrictEqual(await knowing(wrong).ofPath(file), digest);

    const { atime, mtime } = fs.statSync(file);
    fs.writeFileSync(file, "two");
    fs.utimesSync(file, atime, mtime);
    assert.notStrictEqual(await knowing(first.learned).ofPath(file), digest);
    fs.writeFileSync(file, "one");
    assert.strictEqual(await knowing(wrong).ofPath(file), digest);
  });

  it("does not depend on its name; a directory's digest depends on the names in it", async () => {
    for (const name of ["x/f", "y/f", "z/g"]) {
      fs.mkdirSync(path.join(directory, path.dirname(name)), { recursive: true });
      fs.writeFileSync(path.join(directory, name), "same");
    }
    const of = (name: string) => nothingKnown().ofPath(path.join(directory, name));
    assert.strictEqual(await of("x/f"), await of("z/g"));
    assert.strictEqual(await of("x"), await of("y"));
    assert.notStrictEqual(await of("x"), await of("z"));
    fs.symlinkSync("x", path.join(directory, "link"));
    assert.strictEqual(await of("link"), await of("x"));
  });
});
