/** Checkpoints pass from attempt to attempt, and an attempt that was given up can't write to its successor's. */
import { assert, describe, it } from "@effect/vitest";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  checkpointFolder,
  checkpointNames,
  leftIn,
  olderCheckpoints,
  takeOverCheckpoints,
} from "../../../pipelines/run/checkpoints.ts";
import { digestBytes } from "../../../schemas/Digest.ts";

const inFolder = (test: (parent: string) => void) => () => {
  const parent = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-checkpoints-"));
  try {
    test(parent);
  } finally {
    fs.rmSync(parent, { recursive: true });
  }
};

/** The directory of a new attempt, which is not made yet. */
const newAttempt = (parent: string): string =>
  path.join(parent, checkpointFolder({ content: digestBytes("work"), id: randomUUID() }));

const save = (directory: string, name: string): void => {
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(path.join(directory, name), name);
};

describe("an attempt", () => {
  it(
    "takes over what earlier ones left, and they can't write any more",
    inFolder((parent) => {
      const [one, two, three] = [newAttempt(parent), newAttempt(parent), newAttempt(parent)];
      save(one, "step-1");
      save(two, "step-1");
      fs.mkdirSync(path.join(two, "step-2"));
      takeOverCheckpoints(parent, three, () => false);
      assert.deepStrictEqual(fs.readdirSync(three).toSorted(), ["step-1", "step-2"]);
      assert.deepStrictEqual(fs.readdirSync(parent), [path.basename(three)]);
      assert.throws(() => fs.writeFileSync(path.join(one, "step-3"), ""), /ENOENT/u);
    }),
  );

  it(
    "leaves those of a job at work where they are, and reads them",
    inFolder((parent) => {
      const [one, two] = [newAttempt(parent), newAttempt(parent)];
      save(one, "step-1");
      takeOverCheckpoints(parent, two, () => true);
      save(one, "step-2");
      fs.rmSync(path.join(one, "step-1"));
      assert.deepStrictEqual(fs.readdirSync(two), ["step-1"]);
    }),
  );

  it(
    "links those of a job at work that are directories, and not files that it overwrites",
    inFolder((parent) => {
      const [one, two] = [newAttempt(parent), newAttempt(parent)];
      save(path.join(one, "checkpoint-3"), "model");
      save(path.join(one, "checkpoint-3", "rank-0"), "state");
      save(path.join(one, "verl"), "latest");
      takeOverCheckpoints(parent, two, () => true);
      fs.rmSync(path.join(one, "checkpoint-3"), { recursive: true });
      assert.deepStrictEqual(fs.readdirSync(two), ["checkpoint-3"]);
      const linked = path.join(two, "checkpoint-3");
      assert.strictEqual(fs.readFileSync(path.join(linked, "model"), "utf8"), "model");
      assert.strictEqual(fs.readFileSync(path.join(linked, "rank-0/state"), "utf8"), "state");
    }),
  );

  it(
    "takes over those of an earlier `pipe`, which had no folders",
    inFolder((parent) => {
      save(parent, "step-1");
      const attempt = newAttempt(parent);
      takeOverCheckpoints(parent, attempt, () => false);
      assert.deepStrictEqual(fs.readdirSync(attempt), ["step-1"]);
    }),
  );

  it(
    "makes no directory where there is nothing",
    inFolder((parent) => {
      takeOverCheckpoints(path.join(parent, "none"), newAttempt(parent), () => false);
      assert.deepStrictEqual(fs.readdirSync(parent), []);
    }),
  );
});

describe("checkpoints", () => {
  it(
    "are known by the number of their step, also in a folder, and unfinished ones do not count",
    inFolder((parent) => {
      save(parent, "step-1.pt");
      save(parent, ".step-2.pt.77.tmp");
      save(parent, "answers.jsonl");
      save(path.join(parent, "checkpoint-3"), "optimizer.pt");
      save(path.join(parent, "verl"), "identity");
      save(path.join(parent, "verl", "global_step_4"), "model.pt");
      const expected = ["checkpoint-3", "step-1.pt", "verl/global_step_4"];
      assert.deepStrictEqual(checkpointNames(parent).toSorted(), expected);
      assert.deepStrictEqual(checkpointNames(path.join(parent, "none")), []);
    }),
  );

  it(
    "of a finished training are worth keeping only if they are the newest, or a longer training's",
    inFolder((parent) => {
      for (const name of ["step-00000090.pt", "step-00000100.pt", "log"]) save(parent, name);
      for (const step of [8, 20]) save(path.join(parent, `checkpoint-${step}`), "optimizer.pt");
      const older = (lastStep: number) =>
        olderCheckpoints(parent, lastStep).map((file) => path.relative(parent, file));
      assert.deepStrictEqual(older(100), ["checkpoint-8", "checkpoint-20", "step-00000090.pt"]);
      assert.deepStrictEqual(older(20), ["checkpoint-8"]);
      assert.deepStrictEqual(olderCheckpoints(path.join(parent, "none"), 100), []);
    }),
  );

  it(
    "come before answers in what an attempt leaves, and logs and empty files are nothing",
    inFolder((parent) => {
      assert.strictEqual(leftIn(path.join(parent, "none")), "nothing");
      save(path.join(parent, "verl"), "identity");
      save(path.join(parent, "verl", "logs"), "log");
      fs.writeFileSync(path.join(parent, "replies.jsonl"), "");
      assert.strictEqual(leftIn(parent), "nothing");
      save(parent, "captions.jsonl");
      assert.strictEqual(leftIn(parent), "answers");
      save(path.join(parent, "verl", "global_step_4"), "model.pt");
      assert.strictEqual(leftIn(parent), "checkpoints");
    }),
  );
});
