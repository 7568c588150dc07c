/** The stage `groups` through the command line: rollouts from files, its table, its report and its mistakes. */
import { assert, describe, it } from "@effect/vitest";
import type { Measurements } from "../../kinds/MeasurementsFile.ts";
import { inRig, jsonLines, type Rig } from "../rig/Rig.ts";
import { jsonl, rollout } from "../stages/correlating.ts";

/** Four responses to each of two prompts: one right and named by the teacher, and none right. */
const rollouts = (right: number) =>
  [0, 1].flatMap((group) =>
    [0, 1, 2, 3].map((sample) => {
      const outcome = group === 0 && sample < right;
      const teacher = Number(sample === 0);
      const rewards = { outcome: Number(outcome), teacher };
      return rollout({ id: `p${group}`, group, sample, outcome, rewards });
    }),
  );

const spec = (params: string) => `
name: study
axes: { seed: [1, 2] }
stages:
  sampled: { use: files, with: { path: "rollouts/\${seed}" } }
  attempts: { use: groups, from: { rollouts: { all: sampled } }, with: { ${params} } }
`;

const writeStudy = (rig: Rig, params = ""): void => {
  rig.write("study.yaml", spec(params));
  rig.write("rollouts/1/rollouts.jsonl", jsonl(rollouts(1)));
  rig.write("rollouts/2/rollouts.jsonl", jsonl(rollouts(2)));
};

describe("groups", () => {
  it(
    "tell pass@k, best-of-k and what differs, for each k and over seeds, in the table and the report",
    inRig(async (rig) => {
      writeStudy(rig);
      const made = await rig.pipe("run", "study.yaml");
      assert.strictEqual(made.code, 0, made.stderr);
      const table = await rig.pipe("table", "--json");
      const [{ measurements }] = jsonLines(table.stdout) as unknown as [
        { readonly measurements: Measurements },
      ];
      assert.deepStrictEqual(measurements.axes, ["k", "seed"]);
      const at = (k: string, seed: string) =>
        measurements.rows.find(({ labels }) => labels["k"] === k && labels["seed"] === seed)!
          .values;
      assert.deepStrictEqual(Object.keys(at("1", "1")), [
        "pass@k",
        "best@k teacher",
        "differ@k outcome",
        "differ@k teacher",
      ]);
      assert.closeTo(at("1", "1")["pass@k"]!, 1 / 8, 1e-12);
      assert.closeTo(at("2", "1")["pass@k"]!, 1 / 4, 1e-12);
      assert.closeTo(at("2", "2")["pass@k"]!, 5 / 12, 1e-12);
      assert.closeTo(at("4", "2")["best@k teacher"]!, 1 / 2, 1e-12);
      assert.closeTo(at("4", "1")["differ@k outcome"]!, 1 / 2, 1e-12);
      assert.closeTo(at("4", "1")["differ@k teacher"]!, 1, 1e-12);
      const pooled = measurements.pooled.find(({ labels }) => labels["k"] === "2")!;
      assert.closeTo(pooled.values["pass@k"]!.mean, 1 / 3, 1e-12);

      const report = await rig.pipe("report", "--to", "page.html");
      assert.strictEqual(report.code, 0, report.stderr);
      const page = rig.read("page.html");
      assert.include(page, "pass@k");
      assert.include(page, "pass@k over k");

      const bundle = await rig.pipe(
        "bundle",
        "latest",
        "--to",
        "study.tar.gz",
        "--license",
        "sampled=CC0-1.0",
      );
      assert.strictEqual(bundle.code, 0, bundle.stderr);
      const verified = await rig.pipe("verify", "study.tar.gz");
      assert.strictEqual(verified.code, 0, verified.stderr + verified.stdout);
    }),
  );

  it(
    "name the rewards that there are",
    inRig(async (rig) => {
      writeStudy(rig, "rewards: [vote]");
      const { code, stderr } = await rig.pipe("run", "study.yaml");
      assert.strictEqual(code, 1);
      assert.include(stderr, "seed=1: its rollouts have no reward `vote`");
      assert.include(stderr, "name some of outcome, teacher");
    }),
  );

  it(
    "refuse an axis of the name that counts responses, an empty span of steps and an unknown axis",
    inRig(async (rig) => {
      rig.write(
        "study.yaml",
        spec("pool: [sed], steps: { first: 3, last: 2 }")
          .replace("seed: [1, 2]", "k: [1, 2], seed: [1]")
          .replace("rollouts/${seed}", "rollouts/${k}/${seed}"),
      );
      const { code, stderr } = await rig.pipe("plan", "study.yaml");
      assert.strictEqual(code, 2);
      assert.include(stderr, "the experiment has an axis `k`");
      assert.include(stderr, "the range of steps 3 to 2 is empty");
      assert.include(stderr, "axis of the rollouts");
    }),
  );
});
