/** `pipe table` and `pipe seeds` on a table with contrasts, and what `compare` refuses. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import { root } from "../rig/build.ts";
import { inRig, type Rig } from "../rig/Rig.ts";

const losses = ["token", "λ=0.3", "NGDiff"];

const spec = (compare: string) => `name: study
axes:
  loss: [${losses.map((loss, at) => `{ label: ${loss}, kind: fixed, lambda: 0.${at + 1} }`).join(", ")}]
  seed: [0, 1, 2]
stages:
  data:
    use: render
    with: { task: { kind: sudoku, size: 4, blanks: [5, 8] }, splits: { train_sft: 8, test: 4 } }
  cot: { use: distill, from: { data: data } }
  model: { use: sft, from: { data: cot }, with: { loss: $loss, seed: $seed } }
  e2e: { use: generate, from: { model: model, data: data }, with: { mode: end-to-end } }
  oracle: { use: generate, from: { model: model, data: data }, with: { mode: counterfactual } }
  scores: { use: score, from: { data: data, end_to_end: e2e, counterfactual: oracle } }
  table: { use: summarize, from: { scores: { all: scores } }, with: { compare: ${compare} } }
`;

const compare = "{ axis: loss, baseline: token, secondary: [a_p], margin: 0.1 }";

const rowOf = (loss: string, seed: number) => {
  const right = (i: number) => (i * 7 + seed * 3) % 10 < 3 + losses.indexOf(loss) * 2;
  const share = Array.from({ length: 40 }, (_, i) => right(i)).filter(Boolean).length / 40;
  return { loss, seed, share };
};

/** A table as `summarize` writes it; stages' own tests cover the numbers. */
const proportion = (value: number, n: number, sd: number | null) => ({
  successes: Math.round(value * n),
  n,
  value,
  low: Math.max(0, value - 0.1),
  high: Math.min(1, value + 0.1),
  instances: 25,
  sd,
});

const tableOf = () => {
  const row = (labels: object, value: number, points: number) => ({
    labels,
    points,
    a: proportion(value, 40 * points, points > 1 ? 0.02 : null),
    a_p: proportion(value / 2, 40 * points, points > 1 ? 0.02 : null),
    a_r: proportion(0.9, 40 * points, points > 1 ? 0.02 : null),
    a_if_right: proportion(0.95, 20, null),
    a_if_wrong: null,
    perception_f1: 0.8,
    reasons: {},
    errors: {
      extra: { harmless: 3, fatal: 4 },
      missing: { harmless: 0, fatal: 0 },
      wrong: { harmless: 1, fatal: 1 },
      reasoning: 2,
      truncated: 0,
      unreadable: 5,
    },
  });
  const points = losses.flatMap((loss) => [0, 1, 2].map((seed) => rowOf(loss, seed)));
  const contrast = (arm: string, sd: number | null) => ({
    axis: "loss",
    arm,
    baseline: "token",
    metric: "a",
    primary: true,
    labels: {},
    n: 120,
    runs: 3,
    instances: 25,
    value: 0.1,
    low: 0.02,
    high: 0.18,
    sd,
    p: 0.0123,
    p_holm: 0.0246,
    margin: { value: 0.1, not_worse: 0.0001, equivalent: 0.4 },
    note: null,
  });
  return {
    format: 2,
    interval: "clustered Wilson 95 %",
    axes: ["loss", "seed"],
    pooledOver: ["seed"],
    rows: points.map(({ loss, seed, share }) => row({ loss, seed: String(seed) }, share, 1)),
    pooled: losses.map((loss) => row({ loss }, rowOf(loss, 0).share, 3)),
    contrasts: [contrast("λ=0.3", 0.05), contrast("NGDiff", 0.1)],
  };
};

const withTable = (rig: Rig) => {
  const node = { node: "table", stageName: "table", stage: "summarize", kind: "table" };
  const plan = {
    run: "study-1",
    experiment: "study",
    spec: "study.yaml",
    overrides: [],
    nodes: [{ ...node, labels: {}, recipe: "0".repeat(64) }],
  };
  rig.write(".pipe/runs/study-1/plan.json", JSON.stringify(plan));
  rig.write(".pipe/runs/study-1/artifacts/table/table.json", JSON.stringify(tableOf()));
};

describe("table", () => {
  it(
    "fits 80 columns and never breaks a number; at 60 the intervals stand under their numbers",
    inRig(async (rig) => {
      withTable(rig);
      for (const width of [120, 80, 60]) {
        const { stdout } = await rig.start(["table"], { COLUMNS: String(width) }).ended;
        for (const line of stdout.split("\n")) assert.isAtMost([...line].length, width, line);
        assert.match(stdout, /\.300 sd \.020/u);
        assert.match(stdout, /\[\.200, \.400\]/u);
        assert.match(stdout, /λ=0\.3 − token +a +\+\.100/u);
        assert.match(stdout, /25 instances/u);
      }
    }),
  );

  it(
    "sorts, filters, and prints CSV, Markdown and LaTeX",
    inRig(async (rig) => {
      withTable(rig);
      const table = async (...args: ReadonlyArray<string>) => {
        const { code, stdout, stderr } = await rig.pipe("table", ...args);
        assert.strictEqual(code, 0, stderr);
        return stdout;
      };
      const sorted = await table("--csv", "--sort", "a", "--where", "seed=1");
      assert.deepStrictEqual(
        sorted
          .trimEnd()
          .split("\r\n")
          .map((line) => line.split(",").slice(0, 2).join(" ")),
        ["loss seed", "NGDiff 1", "λ=0.3 1", "token 1"],
      );
      const upwards = await table("--csv", "--sort", "a:asc", "--where", "seed=1");
      assert.match(upwards, /^loss,seed.*\r\ntoken,1,/u);
      const md = await table("--md", "--columns", "errors", "--where", "loss=token");
      assert.match(md, /^\| loss \| seed \| n \| extra \|/u);
      assert.match(md, /\| token \| 0 \| 40 \| 7 \(4 fatal\) \| 0 \(0 fatal\) \|/u);
      assert.notInclude(md, "NGDiff");
      const latex = await table("--latex", "--columns", "a,a_p");
      assert.match(latex, /^\\begin\{tabular\}\{llrr\}\n\\hline\nloss & seed & a & a\\_p \\\\/u);
      const taken = await table("--columns", "decomposition");
      assert.match(taken, /a_if_right +a_if_wrong/u);
    }),
  );

  it(
    "names what it does not know, and the nearest name; exit 2",
    inRig(async (rig) => {
      withTable(rig);
      for (const [args, message] of [
        [["--columns", "a_q"], /--columns: unknown column `a_q`.*did you mean/u],
        [["--sort", "los"], /--sort: unknown column `los`.*did you mean `loss`/u],
        [["--where", "loss=tokn"], /unknown label of `loss` `tokn`.*did you mean `token`/u],
        [["--where", "lss=token"], /unknown axis `lss`.*did you mean `loss`/u],
        [["--csv", "--md"], /--csv and --md are different forms/u],
        [["--json", "--md"], /`--json` prints everything/u],
      ] as const) {
        const { code, stdout, stderr } = await rig.pipe("table", ...args);
        assert.strictEqual(code, 2);
        // With `--json` an error is a line on stdout.
        assert.match(args[0] === "--json" ? stdout : stderr, message);
      }
    }),
  );
});

describe("seeds", () => {
  it(
    "plans from the spread seen: a paired t-test at effect/sd = 2 and 1 needs 5 and 10 seeds",
    inRig(async (rig) => {
      withTable(rig);
      const all = await rig.pipe("seeds");
      assert.strictEqual(all.code, 0, all.stderr);
      // statsmodels: power .89 with 5 and .70 with 4 pairs at size 2; .80 with 10 and .76 with 9 at size 1.
      assert.match(all.stdout, /λ=0\.3 − token, a: 5 seeds \(effect \.100, sd \.050 between 3/u);
      assert.match(all.stdout, /NGDiff − token, a: 10 seeds/u);
      const one = await rig.pipe("seeds", "--contrast", "NGDiff/a", "--effect", "0.2");
      assert.match(one.stdout, /^NGDiff − token, a: 5 seeds \(effect \.200/u);
      const unknown = await rig.pipe("seeds", "--contrast", "NGDif");
      assert.strictEqual(unknown.code, 2);
      assert.match(unknown.stderr, /did you mean `NGDiff`/u);
    }),
  );
});

describe("compare", () => {
  it(
    "leaves out arms that the command line leaves out of the axis",
    inRig(async (rig) => {
      fs.copyFileSync(path.join(root, "experiments/sft-lambda.yaml"), rig.path("study.yaml"));
      for (const axis of ["loss=token", "loss=token,NGDiff-γ=0.25", "loss=λ=0.3"]) {
        const { code, stdout } = await rig.pipe("plan", "study.yaml", "--axis", axis);
        assert.strictEqual(code, 0, stdout);
      }
    }),
  );
  it(
    "refuses unknown axes and labels before anything starts, each at its place",
    inRig(async (rig) => {
      for (const [text, message] of [
        [
          "{ axis: los, baseline: token }",
          /study\.yaml:\d+:\d+ error: unknown axis of the scores `los`/u,
        ],
        [
          "{ axis: loss, baseline: tokn }",
          /study\.yaml:\d+:\d+ error: unknown label of `loss` `tokn`/u,
        ],
        ["{ axis: loss, baseline: token, arms: [NGDif] }", /unknown label of `loss` `NGDif`/u],
        ["{ axis: loss, baseline: token, arms: [token] }", /`token` is compared already/u],
        ["{ axis: seed, baseline: '0' }", /`seed` is pooled over/u],
      ] as const) {
        rig.write("study.yaml", spec(text));
        const { code, stderr } = await rig.pipe("plan", "study.yaml");
        assert.strictEqual(code, 2);
        assert.match(stderr, message);
        assert.isFalse(rig.has(".pipe"));
      }
      rig.write("study.yaml", spec(compare));
      const { code, stderr } = await rig.pipe("plan", "study.yaml");
      assert.strictEqual(code, 0, stderr);
    }),
  );
});
