import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
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
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-test-"));
    file = path.join(directory, "lines");
  });
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

  it("waits for a file, for the end of a line, and for the other half of a character", () => {
    const follower = new LineFollower(file);
    assert.deepStrictEqual(all(follower), []);
    const bytes = Buffer.from("λ = ½\r\nzwei\n\n  \ndr");
    for (const [index] of bytes.entries()) {
      fs.appendFileSync(file, bytes.subarray(index, index + 1));
      if (index === 0) assert.deepStrictEqual(all(follower), []);
    }
    assert.deepStrictEqual(all(follower), ["λ = ½\r", "zwei"]);
    assert.deepStrictEqual(all(follower), []);
    assert.deepStrictEqual(follower.rest(), ["dr"]);
    assert.deepStrictEqual(follower.rest(), []);
  });

  it("begins at the present end of the file", () => {
    fs.writeFileSync(file, "old\nhalf");
    const follower = new LineFollower(file);
    fs.appendFileSync(file, "new\n");
    assert.deepStrictEqual(all(follower), ["new"]);
  });

  it("begins at the beginning on request", () => {
    fs.writeFileSync(file, "old\nhalf");
    const follower = new LineFollower(file, 0);
    fs.appendFileSync(file, "new\n");
    assert.deepStrictEqual(all(follower), ["old", "halfnew"]);
  });

  it("begins again after the file was truncated", () => {
    const follower = new LineFollower(file);
    fs.writeFileSync(file, "one\ntwo\nthr");
    assert.deepStrictEqual(all(follower), ["one", "two"]);
    fs.writeFileSync(file, "four\n");
    assert.deepStrictEqual(all(follower), ["four"]);
  });

  it("reads many lines over several reads", () => {
    const lines = Array.from({ length: 200_000 }, (_, n) => `line ${n}`);
    const follower = new LineFollower(file);
    fs.writeFileSync(file, `${lines.join("\n")}\n`);
    assert.deepStrictEqual(all(follower), lines);
  });

  it("cuts a line that is too long, and reads the next ones", () => {
    const follower = new LineFollower(file);
    fs.writeFileSync(file, `${"x".repeat(5_000_000)}`);
    const [long, ...none] = all(follower);
    assert.strictEqual(long?.slice(0, 3), "xxx");
    assert.isBelow(long?.length ?? 0, 2_000_000);
    assert.deepStrictEqual(none, []);
    fs.appendFileSync(file, "yyy\nnext\n");
    assert.deepStrictEqual(all(follower), ["next"]);
  });
});
