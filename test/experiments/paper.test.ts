/** The experiments of the paper at full scale; that they compile is held by test/schemas/experimentSchema.test.ts. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import { compile } from "../../pipelines/experiment/Compile.ts";
import { Source } from "../../pipelines/experiment/Source.ts";
import { stages } from "../../stages/stages.ts";
import { root } from "../rig/build.ts";

const directory = path.join(root, "experiments/paper");
const number = /(?<=[\s:[{,])[\d.]+(e-\d+)?(?=[\s,}\]]|$)/u;

describe("experiments/paper", () => {
  for (const file of fs.readdirSync(directory)) {
    const text = fs.readFileSync(path.join(directory, file), "utf8");

    it(`${file} says of every number of a stage that it is ours`, () => {
      const [, stagesText = ""] = text.split("\nstages:\n");
      const unmarked = stagesText
        .split("\n")
        .filter((line) => number.test(line.split("#")[0] ?? "") && !line.includes("# ours"))
        .filter((line) => !line.trim().startsWith("resources:"));
      assert.deepStrictEqual(unmarked, []);
    });

    it(`${file} covers both tasks and both families in two sizes`, () => {
      const { graph } = compile(new Source(file, text), { set: [], axis: [] }, stages);
      const labels = (axis: string) => new Set(graph?.nodes.map((node) => node.labels[axis]));
      assert.includeMembers([...labels("task")], ["graphs", "sudoku"]);
      const models = ["Qwen3-VL-4B", "Qwen3-VL-8B", "InternVL3.5-4B", "InternVL3.5-8B"];
      assert.includeMembers([...labels("model")], models);
    });
  }
});
