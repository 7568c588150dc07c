/** Correlations through the command line: of rollouts from files, as a run prints them, and of many rollouts. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import zlib from "node:zlib";
import { Random } from "../../stats/Random.ts";
import { inRig, jsonLines, type Rig } from "../rig/Rig.ts";
import { jsonl, rollout } from "../stages/correlating.ts";

/** Groups of four in which outcome and reasoning agree in three, outcome and perception in two. */
const rollouts = (prompts: number) =>
  Array.from({ length: prompts }, (_, group) =>
    [0, 1, 2, 3].map((sample) => {
      const consistent = sample < 2;
      const outcome = sample === group % 4 ? !consistent : consistent;
      const perception = sample % 2 === 0;
      const rewards = { outcome: Number(outcome), teacher: Number(perception) };
      return rollout({ id: `p${group}`, group, sample, outcome, perception, consistent, rewards });
    }),
  ).flat();

const spec = `
name: study
axes: { seed: [1, 2] }
stages:
  sampled: { use: files, with: { path: "rollouts/\${seed}" } }
  diagnosis: { use: correlate, from: { rollouts: { all: sampled } }, with: { resamples: 200 } }
`;

const writeStudy = (rig: Rig): void => {
  rig.write("study.yaml", spec);
  rig.write("rollouts/1/rollouts.jsonl", jsonl(rollouts(40)));
  rig.write("rollouts/2/rollouts.jsonl", jsonl(rollouts(24)));
};

describe("correlations", () => {
  it(
    "are printed by their run, by table and by show, and are made once",
    inRig(async (rig) => {
      writeStudy(rig);
      const first = await rig.pipe("run", "study.yaml");
      assert.strictEqual(first.code, 0, first.stderr);
      const table = await rig.pipe("table");
      assert.strictEqual(table.stdout, first.stdout);
      assert.include(table.stdout, "study-1 · diagnosis");
      assert.include(
        table.stdout,
        "seed=2 · 96 rollouts · 24 prompts · step 0 · a 0.500 · a_p 0.500",
      );
      // Half of each are true, and they differ in one of four: phi = 1 - 2/4.
      assert.match(table.stdout, /^outcome +reasoning, own caption +0\.50 /mu);
      assert.match(table.stdout, /^teacher +perception \(a_p\) +1\.00 +1\.00 +–/mu);
      assert.include(table.stdout, "with so few prompts the intervals are too narrow");
      assert.include(table.stdout, "outcome × reasoning: both 36, only outcome 12");
      assert.include(table.stdout, "every prompt has the same mean of perception");
      assert.match(
        table.stdout,
        /^ +reasoning, own caption, pooled +2 of 2 +interval above 0 in 2, below in 0$/mu,
      );
      assert.include(
        table.stdout,
        "within the published ranges: with reasoning 0, with perception 0, with both 0 of 2",
      );
      assert.include(table.stdout, "it takes three checkpoints, here are 2");
      assert.include(
        table.stdout,
        "outcome with reasoning 0.65 to 1.00, with perception 0.34 to 0.43",
      );
      assert.include(table.stdout, "not known to us");
      const shown = await rig.pipe("show", "diagnosis");
      assert.include(shown.stdout, table.stdout.split("\n").slice(1).join("\n").trimEnd());
      assert.deepStrictEqual(await rig.due("study.yaml"), []);
      rig.write("rollouts/2/rollouts.jsonl", jsonl(rollouts(20)));
      assert.deepStrictEqual(await rig.due("study.yaml"), [
        "run sampled[seed=2]",
        "may-run diagnosis",
      ]);
    }),
  );

  it(
    "have equal numbers in JSON and CSV",
    inRig(async (rig) => {
      writeStudy(rig);
      assert.strictEqual((await rig.pipe("run", "study.yaml", "--json")).code, 0);
      const [json] = jsonLines((await rig.pipe("table", "--json")).stdout);
      const files = await rig.filesOf("diagnosis");
      const correlations = JSON.parse(files["correlations.json"] ?? "") as {
        readonly points: ReadonlyArray<{
          readonly associations: ReadonlyArray<{ readonly pooled: { readonly value: number } }>;
        }>;
      };
      assert.deepStrictEqual(json?.["correlations"], correlations);
      const rows = (files["correlations.csv"] ?? "").split("\r\n");
      const pooled = String(correlations.points[0]?.associations[0]?.pooled.value);
      assert.isTrue(rows[1]?.startsWith(`1,outcome,perception,pooled,${pooled},`), rows[1]);
    }),
  );

  it(
    "are chosen, sorted and written as accuracies are",
    inRig(async (rig) => {
      writeStudy(rig);
      assert.strictEqual((await rig.pipe("run", "study.yaml", "--json")).code, 0);
      const table = async (...args: ReadonlyArray<string>) => {
        const { code, stdout, stderr } = await rig.pipe("table", ...args);
        assert.strictEqual(code, 0, stderr);
        return stdout;
      };
      const [whole, file] = [await table("--csv"), await rig.filesOf("diagnosis")];
      assert.strictEqual(whole, file["correlations.csv"]);
      const chosen = ["--where", "seed=1", "--where", "with=perception"];
      assert.match(
        await table("--md", "--columns", "pooled,phi_max", "--sort", "pooled", ...chosen),
        /^\| seed \| reward \| with \| pooled \| phi_max \|\n\|---\|---\|---\|---:\|---:\|\n\| 1 \| teacher \| perception \| 1\.00 [^|]*\| 1\.00 \|\n\| 1 \| outcome \| [^\n]+\n$/u,
      );
      const upwards = await table("--sort", "pooled:asc", ...chosen);
      assert.match(upwards, /^study-1 · diagnosis\nseed +reward +with [^]*outcome[^]*teacher/u);
      const latex = await table("--latex", "--where", "reward=outcome");
      assert.include(latex, "\\hline\nseed & reward & with & pooled & group-centred");
      assert.include(latex, "reward & with & checkpoints & Spearman");
      const csv = (await table("--csv", ...chosen)).trimEnd().split("\r\n").slice(1);
      assert.lengthOf(csv, 6);
      assert.isTrue(csv.every((line) => /^1,(?:outcome|teacher),perception,/u.test(line)));
      assert.strictEqual((await rig.pipe("report", "--to", "page.html")).code, 0);
      const page = rig.read("page.html").replaceAll(/\s+/gu, " ");
      assert.include(page, 'aria-label="Table study-1 · diagnosis"');
      assert.match(page, /<td class="label"> teacher <\/td><td class="label"> perception /u);
      assert.include(page, 'data-copy="LaTeX">\\begin{tabular}{lllrrrr}');
      const refused = await rig.pipe("table", "--sort", "poled");
      assert.strictEqual(refused.code, 2);
      assert.include(refused.stderr, "did you mean `pooled`?");
    }),
  );

  it(
    "fail on a line that is not a rollout, and name the line",
    inRig(async (rig) => {
      writeStudy(rig);
      rig.write("rollouts/2/rollouts.jsonl", `${jsonl(rollouts(2))}{"id":"p9"}\n`);
      const { code, stderr } = await rig.pipe("run", "study.yaml");
      assert.strictEqual(code, 1);
      assert.include(stderr, "seed=2: rollouts.jsonl:9: ");
      assert.include(stderr, "kinds/Rollouts.ts");
    }),
  );

  it(
    "of 200,000 rollouts need no more memory than those of a few",
    inRig(async (rig) => {
      const random = Random.of("many");
      const write = fs.createWriteStream(rig.path("packed"));
      const response = "<caption>[[0,1],[1,2]]</caption>".repeat(16);
      for (let group = 0; group < 12_500; group += 1) {
        const lines = Array.from({ length: 16 }, (_, sample) => {
          const perception = random.uniform() < 0.5;
          const outcome = perception && random.uniform() < 0.8;
          const teacher = Number(perception) * 0.9;
          const of = { id: `p${group}`, group, sample, outcome, perception };
          return rollout({ ...of, consistent: outcome, response, rewards: { teacher } });
        });
        write.write(zlib.gzipSync(jsonl(lines), { level: 1 }));
      }
      await new Promise((resolve) => write.end(resolve));
      fs.mkdirSync(rig.path("many"));
      fs.renameSync(rig.path("packed"), rig.path("many/rollouts.jsonl.gz"));
      rig.write(
        "many.yaml",
        `
name: many
axes: { checkpoint: [many] }
stages:
  sampled: { use: files, with: { path: $checkpoint } }
  diagnosis: { use: correlate, from: { rollouts: { all: sampled } }, with: { resamples: 200 } }
`,
      );
      // The lines are 170 MB of text, and more as objects.
      const memory = { NODE_OPTIONS: "--max-old-space-size=96" };
      const { code, stdout, stderr } = await rig.start(["run", "many.yaml"], memory).ended;
      assert.strictEqual(code, 0, stderr);
      assert.include(stdout, "200000 rollouts · 12500 prompts");
    }),
  );
});
