import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LineFollower } from "../../executors/LineFollower.ts";

describe("a follower of lines", () => {
  let directory = "";
  let file = "";
  const all = (follower: LineFollower): ReadonlyArray<string> => {
    const lines: Array<string> = [];
    for (let next = follower.read(); next.length > 0; next = follower.read()) lines.push(...next);
    return lines;
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "pipe-test-"));
    file = join(directory, "lines");
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("waits for a file, for the end of a line, and for the other half of a character", () => {
    const follower = new LineFollower(file);
    assert.deepStrictEqual(all(follower), []);
    const bytes = Buffer.from("λ = ½\r\nzwei\n\n  \ndr");
    for (const [index] of bytes.entries()) {
      appendFileSync(file, bytes.subarray(index, index + 1));
      if (index === 0) assert.deepStrictEqual(all(follower), []);
    }
    assert.deepStrictEqual(all(follower), ["λ = ½\r", "zwei"]);
    assert.deepStrictEqual(all(follower), []);
    assert.deepStrictEqual(follower.rest(), ["dr"]);
    assert.deepStrictEqual(follower.rest(), []);
  });

  it("begins at the end of what was there before it", () => {
    writeFileSync(file, "old\nhalf");
    const follower = new LineFollower(file);
    appendFileSync(file, "new\n");
    assert.deepStrictEqual(all(follower), ["new"]);
  });

  it("or at the beginning, where that is asked for", () => {
    writeFileSync(file, "old\nhalf");
    const follower = new LineFollower(file, "beginning");
    appendFileSync(file, "new\n");
    assert.deepStrictEqual(all(follower), ["old", "halfnew"]);
  });

  it("begins anew when the file was truncated", () => {
    const follower = new LineFollower(file);
    writeFileSync(file, "one\ntwo\nthr");
    assert.deepStrictEqual(all(follower), ["one", "two"]);
    writeFileSync(file, "four\n");
    assert.deepStrictEqual(all(follower), ["four"]);
  });

  it("reads many lines over several reads", () => {
    const lines = Array.from({ length: 200_000 }, (_, n) => `line ${n}`);
    const follower = new LineFollower(file);
    writeFileSync(file, `${lines.join("\n")}\n`);
    assert.deepStrictEqual(all(follower), lines);
  });

  it("keeps the beginning of a line that is absurdly long, and what follows it", () => {
    const follower = new LineFollower(file);
    writeFileSync(file, `${"x".repeat(5_000_000)}`);
    const [long, ...none] = all(follower);
    assert.strictEqual(long?.slice(0, 3), "xxx");
    assert.isBelow(long?.length ?? 0, 2_000_000);
    assert.deepStrictEqual(none, []);
    appendFileSync(file, "yyy\nnext\n");
    assert.deepStrictEqual(all(follower), ["next"]);
  });
});
