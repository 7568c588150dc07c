/** `pipe run --from-bundle`: what a bundle holds is found, and only what is new runs. */
import { assert, describe, it } from "@effect/vitest";
import type { BundleRun, Pointer } from "../../bundle/format.ts";
import { rebuildLine } from "../../bundle/rebuildLine.ts";
import { digestJson } from "../../schemas/Digest.ts";
import { inRig, type Rig } from "../rig/Rig.ts";
import {
  described,
  edited,
  type Files,
  folderOf,
  forged,
  packed,
  smallBundle,
  smallSpec,
} from "./smallBundle.ts";

const written = async (rig: Rig, files: Files): Promise<string> => {
  rig.write("small.yaml", smallSpec);
  return packed(files, rig.directory);
};

/** How many nodes there were, and how many of them had to be made. */
const counts = (stderr: string) =>
  / · (\d+) nodes, (\d+) cached, (\d+) to make/u.exec(stderr)?.slice(1).map(Number);

describe("pipe run --from-bundle", () => {
  it(
    "makes nothing of what the bundle holds, without its Python, its models or its local files",
    inRig(async (rig) => {
      const archive = await written(rig, (await smallBundle()).files);
      const first = await rig.pipe("run", "small.yaml", "--from-bundle", archive);
      assert.strictEqual(first.code, 0, first.stderr);
      assert.match(first.stderr, /small-[\da-f]{12}: 14 artifacts taken in\n/u);
      assert.deepStrictEqual(counts(first.stderr), [14, 14, 0]);
      assert.include(first.stdout, "weak    12");
      const fsck = await rig.pipe("fsck");
      assert.strictEqual(fsck.code, 0, fsck.stdout + fsck.stderr);
      const again = await rig.pipe("run", "small.yaml", "--from-bundle", archive);
      assert.match(again.stderr, /0 artifacts taken in, 14 known\n/u);
    }),
  );

  it(
    "runs the difference alone",
    inRig(async (rig) => {
      const archive = await written(rig, (await smallBundle()).files);
      const flags = ["--from-bundle", archive, "--set", "correlations.resamples=200"];
      const { code, stderr } = await rig.pipe("run", "small.yaml", ...flags);
      assert.strictEqual(code, 0, stderr);
      assert.deepStrictEqual(counts(stderr), [14, 13, 1]);
      assert.match(stderr, /▸ correlations/u);
    }),
  );

  it(
    "knows what the bundle leaves out for what it is, and makes it again only where it is needed",
    inRig(async (rig) => {
      const { files, run } = await smallBundle();
      const archive = await written(rig, withoutFiles(files, run, ["cot", "start[model=weak]"]));
      const asIs = await rig.pipe("run", "small.yaml", "--from-bundle", archive);
      assert.strictEqual(asIs.code, 0, asIs.stderr);
      assert.match(asIs.stderr, /12 artifacts taken in, 2 without the files/u);
      // Nobody takes the transcripts, so they are asked for; the model is only what others are made from.
      assert.deepStrictEqual(counts(asIs.stderr), [14, 13, 1]);
      assert.match(asIs.stderr, /✓ cot /u);
    }),
  );

  it(
    "refuses a bundle in which anything is wrong, and takes nothing of it",
    inRig(async (rig) => {
      const { files } = await smallBundle();
      const withKey = edited(files, "data/run.json", (text) => {
        const run = JSON.parse(text) as {
          nodes: Array<{ node: string; keyParts: any; content: string }>;
        };
        const node = run.nodes.find((each) => each.node === "correlations")!;
        node.keyParts.params = { resamples: 200 };
        node.content = digestJson(node.keyParts);
        return `${JSON.stringify(run, null, 2)}\n`;
      });
      const withTable = forged(files, "table", "table.csv", (text) => `${text}more\r\n`);
      const withMore = new Map([...files, ["data/more", Buffer.from("x")]]);
      for (const [wrong, why] of [
        [withMore, "level 2 finds"],
        [withKey, "level 3 finds data/run.json: correlations: keyParts"],
        [withTable, "level 3 finds"],
      ] as const) {
        const archive = await written(rig, wrong);
        const { code, stderr } = await rig.pipe("run", "small.yaml", "--from-bundle", archive);
        assert.strictEqual(code, 3, stderr);
        assert.include(stderr, why);
        assert.strictEqual((await rig.pipe("runs")).stdout.trim(), "");
      }
    }),
  );

  it(
    "leaves an answer that the store has as it is",
    inRig(async (rig) => {
      const { files } = await smallBundle();
      // Another model under the same keys: as if a bundle wanted to have the word.
      const own = await written(rig, files);
      assert.strictEqual((await rig.pipe("run", "small.yaml", "--from-bundle", own)).code, 0);
      const model = "start[model=weak]";
      const before = await rig.filesOf(model);
      const other = await written(
        rig,
        forged(files, model, "config.json", (text) => `${text}\n`),
      );
      const { code, stderr } = await rig.pipe("run", "small.yaml", "--from-bundle", other);
      assert.strictEqual(code, 0, stderr);
      assert.match(stderr, /1 with another answer here, which stays: "start\[model=weak\]"/u);
      assert.deepStrictEqual(await rig.filesOf(model), before);
    }),
  );
});

/** Pointers in place of the files of some nodes' artifacts. */
const withoutFiles = (files: Files, run: BundleRun, nodes: ReadonlyArray<string>): Files => {
  const left = run.nodes.filter(({ node }) => nodes.includes(node));
  const pointers = left.flatMap(({ node, artifact, files: tree }) =>
    tree.map((file): Pointer => ({
      artifact,
      path: file.path,
      sha256: file.sha256,
      size: file.size,
      why: "size",
      needed: false,
      rebuild: rebuildLine([], node),
    })),
  );
  const folders = left.map(({ node }) => `${folderOf(run, node)}/`);
  const kept = new Map(
    [...files].filter(([name]) => !folders.some((folder) => name.startsWith(folder))),
  );
  return described(
    edited(kept, "data/pointers.json", () => `${JSON.stringify(pointers, null, 2)}\n`),
  );
};
