/** Level 5: the experiment is rerun in a store of its own and compared with the claims. */
import { assert, describe, it } from "@effect/vitest";
import { inRig } from "../rig/Rig.ts";

const spec = `name: five
stages:
  given: { use: files, with: { path: given } }
  correlations: { use: correlate, from: { rollouts: { all: given } }, with: { resamples: 100 } }
`;

/** Some are right, some have seen right, by the digits of a number. */
const rollouts = (number: number): string =>
  Array.from({ length: 32 }, (_, index) => {
    const right = ((number >> (index % 16)) & 1) === 1;
    const seen = index % 3 === 0;
    const verdict = {
      outcome: right,
      perception: seen,
      perception_f1: 1,
      consistent: right,
      reason: null,
    };
    const place = {
      id: `p${index >> 2}`,
      group: index >> 2,
      step: 0,
      sample: index % 4,
      mode: "end-to-end",
    };
    const rest = { response: "", tokens: 1, rewards: { outcome: Number(right) }, advantage: null };
    return `${JSON.stringify({ ...place, ...verdict, ...rest })}\n`;
  }).join("");

describe("pipe verify --level 5", () => {
  it(
    "reruns the experiment and names each claim that differs",
    inRig(async (rig) => {
      rig.write("e.yaml", spec);
      rig.write("given/rollouts.jsonl", rollouts(0b1010_0011_1100_0101));
      assert.strictEqual((await rig.pipe("run", "e.yaml")).code, 0);
      const bundled = await rig.pipe("bundle", "--to", "five.tar.gz", "--license", "given=MIT");
      assert.strictEqual(bundled.code, 0, bundled.stderr);
      const right = await rig.pipe("verify", "five.tar.gz", "--level", "5");
      assert.strictEqual(right.code, 0, right.stdout + right.stderr);
      assert.match(right.stdout, /level 5: everything rerun\n {2}ok {4}claims/u);
      assert.strictEqual(
        (await rig.pipe("runs")).stdout.match(/five-/gu)?.length,
        1,
        "the rerun used this store",
      );

      rig.write("given/rollouts.jsonl", rollouts(0b1010_0011_1100_0111));
      const wrong = await rig.pipe("verify", "five.tar.gz", "--level", "5");
      assert.strictEqual(wrong.code, 3, wrong.stderr);
      assert.match(
        wrong.stdout,
        /CLAIMS\.json {2}correlations\/reasoning\.mean: the run gives 0\.5625/u,
      );
      assert.match(wrong.stdout, /NOT verified, problems at level 5/u);
    }),
  );
});
