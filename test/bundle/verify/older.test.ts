/** A bundle of an earlier version still verifies. */
import { assert, describe, it } from "@effect/vitest";
import path from "node:path";
import type { Check } from "../../../bundle/verify/Check.ts";
import { nodeOf, rekeyed, withRun } from "../alterations.ts";
import { packed } from "../archives.ts";
import { described } from "../describing.ts";
import { inScratch } from "../scratch.ts";
import { makeBundle, smallSpec } from "../smallBundle.ts";
import { checksOf, problemsOf } from "../verifying.ts";

/**
 * Made on 2026-11-28, when format 2 was new: `packed` of `makeBundle` with `smallSpec`, its splits cut to
 * `{ test: 2, validation: 2, train_sft: 1 }`. It never changes; only a new `bundleFormat` replaces it.
 */
const archive = path.join(import.meta.dirname, "../small-format-2.tar.gz");

describe("a bundle of an earlier version", () => {
  it(
    "passes levels 1 to 3, whatever the wording of its page and descriptions",
    inScratch(async (folder) => {
      const checks = await checksOf(archive, folder);
      assert.deepStrictEqual(problemsOf(checks), []);
      assert.strictEqual(checks.at(-1)?.what, "descriptions");
    }),
  );

  // Until 2026-11-30 keys had every input that the experiment gives a stage.
  describe("with inputs in its keys that the params do not read", () => {
    const models = ["weak", "strong"];
    const wired = smallSpec.replace(
      "samples: { use: rollout, from: { model: start, data: data }",
      "samples: { use: rollout, from: { model: start, data: data, solver: start, captioners: { all: start } }",
    );
    /** The bundle with these inputs recorded, each point's own model as its solver. */
    const recordedWith = async (solverOf: (model: string) => string) => {
      const { files, run } = await makeBundle(wired);
      const startOf = (model: string) => nodeOf(run, `start[model=${model}]`).artifact as string;
      const captioners = models.map((model) => ({
        labels: { model },
        identity: startOf(model),
      }));
      return described(
        rekeyed(files, (node) => {
          if (node.stageName !== "samples") return;
          const solver = startOf(solverOf(node.labels.model));
          Object.assign(node.keyParts.inputs, { solver, captioners });
        }),
      );
    };
    const keysIn = (checks: ReadonlyArray<Check>) => checks.find(({ what }) => what === "keys")!;

    it(
      "passes with a limit that names them",
      inScratch(async (folder) => {
        const files = await recordedWith((model) => model);
        const checks = await checksOf(await packed(files, folder), folder);
        assert.deepStrictEqual(problemsOf(checks), []);
        assert.deepStrictEqual(
          keysIn(checks).limits,
          ["solver", "captioners"].map(
            (name) =>
              `\`samples\` was recorded with an input that its params do not read: \`${name}\``,
          ),
        );
      }),
    );
    it(
      "passes where `--only` chose nodes that no longer need them",
      inScratch(async (folder) => {
        const { files, run } = await makeBundle(
          wired
            .replace("solver: start", "solver: judge")
            .replace("  cot:", "  judge: { use: pretrained, with: { path: judge } }\n  cot:"),
        );
        const solver = nodeOf(run, "judge").artifact as string;
        const recorded = rekeyed(files, (node) => {
          if (node.stageName === "samples") node.keyParts.inputs.solver = solver;
        });
        const chosen = withRun(recorded, ({ overrides }) => {
          overrides.only = ["cot", "table", "correlations"];
        });
        const checks = await checksOf(await packed(described(chosen), folder), folder);
        assert.deepStrictEqual(problemsOf(checks), []);
      }),
    );
    it(
      "passes without one where they are not recorded",
      inScratch(async (folder) => {
        const { files } = await makeBundle(wired);
        const checks = await checksOf(await packed(files, folder), folder);
        assert.deepStrictEqual(problemsOf(checks), []);
        assert.deepStrictEqual(keysIn(checks).limits, []);
      }),
    );
    it(
      "fails where they are not those of the experiment",
      inScratch(async (folder) => {
        const files = await recordedWith(() => "weak");
        const checks = await checksOf(await packed(files, folder), folder);
        assert.include(
          keysIn(checks).problems.map(({ number }) => number),
          "samples[model=strong]: keyParts.inputs.solver",
        );
      }),
    );
  });
});
