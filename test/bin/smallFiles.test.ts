/** Many small files: they are stored together, and a run that stores them hears an interrupt. */
import { assert, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { inRig, jsonLines, type Rig } from "../rig/Rig.ts";

const write = (rig: Rig, folders: number) => {
  for (let folder = 0; folder < folders; folder += 1)
    for (let file = 0; file < 100; file += 1) rig.write(`d/${folder}/${file}`, `${folder} ${file}`);
  rig.write("e.yaml", "name: e\nstages:\n  f: { use: files, with: { path: d } }\n");
};

const blobCount = (rig: Rig): number =>
  rig.has(".pipe/blobs")
    ? fs
        .readdirSync(rig.path(".pipe/blobs"), { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile()).length
    : 0;

it(
  "an interrupt ends the run while they are stored; the next run stores them whole",
  inRig(async (rig) => {
    write(rig, 20);
    const { child, ended } = rig.start(["run", "e.yaml"]);
    await rig.until("blobs are stored", () => blobCount(rig) > 5);
    // Stopped, so that the machine's speed does not count.
    child.kill("SIGSTOP");
    const wasBusy = blobCount(rig) < 1500;
    child.kill("SIGINT");
    child.kill("SIGCONT");
    const { code } = await ended;
    if (wasBusy) {
      assert.strictEqual(code, 130);
      assert.isBelow(blobCount(rig), 2000);
    }
    assert.strictEqual((await rig.pipe("run", "e.yaml")).code, 0);
    const stored = rig.path(".pipe/runs/e-2/artifacts/f");
    execFileSync("diff", ["-r", rig.path("d"), fs.realpathSync(stored)]);
    assert.include((await rig.pipe("fsck")).stdout, "no damage");
  }),
);

it(
  "thousands are stored with progress",
  inRig(async (rig) => {
    write(rig, 12);
    const { stdout } = await rig.pipe("run", "e.yaml", "--json");
    const progress = jsonLines(stdout).filter(({ _tag }) => _tag === "NodeProgress");
    assert.deepStrictEqual(
      progress.map(({ done, total, unit }) => [done, total, unit]),
      [
        [500, 1200, "files stored"],
        [1000, 1200, "files stored"],
      ],
    );
  }),
);

it(
  "git does not see the store",
  inRig(async (rig) => {
    write(rig, 1);
    execFileSync("git", ["init", "-q", "."], { cwd: rig.directory });
    assert.strictEqual((await rig.pipe("run", "e.yaml")).code, 0);
    const seen = execFileSync("git", ["status", "--porcelain", "-uall"], {
      cwd: rig.directory,
      encoding: "utf8",
    });
    assert.notInclude(seen, ".pipe");
  }),
);

it(
  "git still sees a project that is its own store",
  inRig(async (rig) => {
    write(rig, 1);
    const { code, stderr } = await rig.start(["run", "e.yaml"], { PIPE_HOME: rig.directory }).ended;
    assert.strictEqual(code, 0, stderr);
    assert.isFalse(rig.has(".gitignore"));
  }),
);
