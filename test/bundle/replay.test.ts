/** `pipe run --from-bundle` finds the bundle's results and runs only what is missing. */
import { assert, describe, it } from "@effect/vitest";
import type { BundleRun, Pointer } from "../../bundle/format/format.ts";
import { rebuildLine } from "../../bundle/describe/rebuildLine.ts";
import { digestJson } from "../../schemas/Digest.ts";
import { inRig, type Rig } from "../rig/Rig.ts";
import { edited, folderOf, forged } from "./alterations.ts";
import { type Files, packed } from "./archives.ts";
import { described } from "./describing.ts";
import { smallBundle, smallSpec } from "./smallBundle.ts";
import { noOverrides } from "../../schemas/Overrides.ts";

const written = async (rig: Rig, files: Files): Promise<string> => {
  rig.write("small.yaml", smallSpec);
  return packed(files, rig.directory);
};

/** How many nodes there were, and how many of them had to run. */
const counts = (stderr: string) =>
  / · (\d+) nodes[,:] (\d+) cached, (\d+) to run/u.exec(stderr)?.slice(1).map(Number);

describe("pipe run --from-bundle", () => {
  it(
    "runs nothing that the bundle has, without its Python, its models or its local files",
    inRig(async (rig) => {
      const archive = await written(rig, (await smallBundle()).files);
      const first = await rig.pipe("run", "small.yaml", "--from-bundle", archive);
      assert.strictEqual(first.code, 0, first.stderr);
      assert.match(first.stderr, /small-[\da-f]{12}: 14 artifacts imported\n/u);
      assert.deepStrictEqual(counts(first.stderr), [14, 14, 0]);
      assert.include(first.stdout, "weak    12");
      const fsck = await rig.pipe("fsck");
      assert.strictEqual(fsck.code, 0, fsck.stdout + fsck.stderr);
      const again = await rig.pipe("run", "small.yaml", "--from-bundle", archive);
      assert.match(again.stderr, /0 artifacts imported, 14 already in the store\n/u);
    }),
  );

  it(
    "runs only what a changed param affects",
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
    "reruns nodes whose files are left out only where they are needed",
    inRig(async (rig) => {
      const { files, run } = await smallBundle();
      const archive = await written(rig, withoutFiles(files, run, ["cot", "start[model=weak]"]));
      const asIs = await rig.pipe("run", "small.yaml", "--from-bundle", archive);
      assert.strictEqual(asIs.code, 0, asIs.stderr);
      assert.match(asIs.stderr, /12 artifacts imported, 2 incomplete/u);
      // The transcripts are a result of the run; the model is only an input of cached nodes.
      assert.deepStrictEqual(counts(asIs.stderr), [14, 13, 1]);
      assert.match(asIs.stderr, /✓ cot /u);
    }),
  );

  it(
    "refuses a bundle that does not verify, and imports nothing of it",
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
        [withMore, "level 2 of verifying fails"],
        [withKey, "level 3 of verifying fails at data/run.json: correlations: keyParts"],
        [withTable, "level 3 of verifying fails"],
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
    "keeps a different result that the store has",
    inRig(async (rig) => {
      const { files } = await smallBundle();
      // Another model under the same keys.
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
      assert.match(
        stderr,
        /1 not imported, because the store has another result: "start\[model=weak\]"/u,
      );
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
      rebuild: rebuildLine(noOverrides, node),
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
