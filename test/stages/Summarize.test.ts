/** The numbers of a table, counted by hand, its pooled rows and its CSV. */
import { assert, it } from "@effect/vitest";
import { Effect, Schema } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Table } from "../../kinds/TableFile.ts";
import type { FanInElement, StageContext } from "../../stages/StageRun.ts";
import type { Compare } from "../../stages/Summarize.ts";
import { summarizeRun } from "../../stages/Summarize.run.ts";
import { holm } from "../../stats/holm.ts";
import { wilson } from "../../stats/wilson.ts";

interface Line {
  readonly mode: "end-to-end" | "counterfactual";
  readonly outcome: boolean;
  readonly perception: boolean;
  readonly f1?: number;
  readonly reason?: string;
  readonly instance?: string;
  readonly errors?: { readonly extra: number; readonly missing: number; readonly wrong: number };
}

const seen = (outcome: boolean, perception: boolean, f1 = 1, reason?: string): Line => ({
  mode: "end-to-end",
  outcome,
  perception,
  f1,
  ...(reason === undefined ? {} : { reason }),
});
const forced = (outcome: boolean): Line => ({ mode: "counterfactual", outcome, perception: true });

/** Runs the stage on points, each with its labels and its score lines. */
const summarize = async (
  points: ReadonlyArray<readonly [Readonly<Record<string, string>>, ReadonlyArray<Line>]>,
  pool: ReadonlyArray<string> = ["seed"],
  compare?: Compare,
) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-summarize-"));
  try {
    const scores = points.map(([labels, lines], index): FanInElement => {
      const element = path.join(directory, String(index));
      fs.mkdirSync(element);
      const text = lines.map(({ f1, reason, ...line }, number) =>
        JSON.stringify({
          id: `${number}`,
          ...line,
          perception_f1: f1 ?? 1,
          consistent: true,
          reason: reason ?? null,
        }),
      );
      fs.writeFileSync(
        path.join(element, "scores.jsonl"),
        text.map((line) => `${line}\n`).join(""),
      );
      const artifact = { digest: String(index), kind: "scores", files: [], bytes: 0 } as const;
      return { labels, directory: element, artifact };
    });
    const output = path.join(directory, "out");
    fs.mkdirSync(output);
    const context = {
      params: { pool, ...(compare === undefined ? {} : { compare }) },
      inputs: { scores },
      output,
      report: () => Effect.void,
    } as unknown as StageContext<{ readonly pool: ReadonlyArray<string> }>;
    await Effect.runPromise(summarizeRun.run(context) as Effect.Effect<unknown, unknown>);
    const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Table));
    return {
      table: decode(fs.readFileSync(path.join(output, "table.json"), "utf8")),
      csv: fs.readFileSync(path.join(output, "table.csv"), "utf8"),
    };
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
};

const study = [
  [
    { loss: "token", seed: "0" },
    [seen(true, true), seen(false, false, 0.5, "misperceived"), forced(true), forced(true)],
  ],
  [
    { loss: "token", seed: "1" },
    [
      seen(true, false, 0.25, "misperceived"),
      seen(false, true, 1, "no-answer"),
      forced(true),
      forced(false),
    ],
  ],
  [
    { loss: 'λ, "0.3"', seed: "0" },
    [seen(true, true), seen(true, true), forced(false), forced(false)],
  ],
  [
    { loss: 'λ, "0.3"', seed: "1" },
    [seen(true, true), seen(true, true), forced(false), forced(false)],
  ],
] as const;

it("a and a_p count end-to-end lines, a_r counterfactual ones", async () => {
  const { table } = await summarize(study);
  assert.deepStrictEqual(table.axes, ["loss", "seed"]);
  assert.strictEqual(table.rows.length, 4);
  const [first, second] = table.rows;
  const share = (successes: number, n: number) => ({
    ...wilson(successes, n)!,
    instances: n,
    sd: null,
  });
  assert.deepStrictEqual(first, {
    labels: { loss: "token", seed: "0" },
    points: 1,
    a: share(1, 2),
    a_p: share(1, 2),
    a_r: share(2, 2),
    a_if_right: share(1, 1),
    a_if_wrong: share(0, 1),
    perception_f1: 0.75,
    reasons: { misperceived: 1 },
    errors: null,
  });
  assert.deepInclude(second, { a_p: share(1, 2), a_r: share(1, 2), perception_f1: 0.625 });
});

it("pooled rows add up points that differ only in the pooled axis", async () => {
  const { table } = await summarize(study);
  assert.deepStrictEqual(table.pooledOver, ["seed"]);
  assert.deepStrictEqual(
    table.pooled.map(({ labels, points, a, a_p, a_r }) => [
      labels["loss"],
      points,
      ...[a, a_p, a_r].map((found) => `${found?.successes}/${found?.n} on ${found?.instances}`),
    ]),
    [
      ["token", 2, "2/4 on 2", "2/4 on 2", "3/4 on 2"],
      ['λ, "0.3"', 2, "4/4 on 2", "4/4 on 2", "0/4 on 2"],
    ],
  );
  assert.closeTo(table.pooled[0]?.a_r?.sd ?? 0, Math.sqrt(1 / 8), 1e-12);
  // Two pictures, always right: as much as two answers show.
  assert.strictEqual(table.pooled[1]?.a?.low, wilson(2, 2)?.low);
  assert.deepStrictEqual(table.pooled[0]?.reasons, { misperceived: 2, "no-answer": 1 });
});

it("without a pooled axis there are no pooled rows", async () => {
  const { table } = await summarize(study, ["other"]);
  assert.deepStrictEqual([table.pooledOver, table.pooled], [[], []]);
});

it("without lines the numbers are null, not zero", async () => {
  const { table, csv } = await summarize([[{ seed: "0" }, []]]);
  assert.deepInclude(table.rows[0], { a: null, a_p: null, a_r: null, perception_f1: null });
  assert.match(csv.split("\r\n")[1] ?? "", /^0,1,,,,0,,,,,,0,/u);
});

it("the CSV quotes where needed and has a cell for every column", async () => {
  const lines = (await summarize(study)).csv.trimEnd().split("\r\n");
  assert.strictEqual(lines.length, 1 + 4 + 2);
  assert.match(
    lines[0] ?? "",
    /^loss,seed,points,a,a_low,a_high,a_n,a_instances,a_sd,a_p,.*,perception_f1,extra_harmless,/u,
  );
  const cells = lines[0]?.split(",").length;
  assert.isTrue(lines[3]?.startsWith('"λ, ""0.3""",0,1,1,'));
  assert.isTrue(lines[5]?.startsWith("token,,2,0.5,"));
  for (const line of lines)
    assert.strictEqual(line.replaceAll(/"(?:[^"]|"")*"/gu, "x").split(",").length, cells);
});

it("clusters by instance: pictures of one graph are no independent answers", async () => {
  const lines = ["x", "x", "x", "y", "y", "y"].map((instance): Line => ({
    ...seen(instance === "x", true),
    instance,
  }));
  const { table } = await summarize([[{ seed: "0" }, lines]]);
  const { a } = table.rows[0]!;
  assert.deepInclude(a, { successes: 3, n: 6, instances: 2 });
  assert.isBelow(a!.low, wilson(3, 6)!.low);
  assert.isAbove(a!.high, wilson(3, 6)!.high);
});

it("takes a apart: a = a_p · a_if_right + (1 − a_p) · a_if_wrong, and counts errors", async () => {
  const errors = { extra: 0, missing: 0, wrong: 0 };
  const { table } = await summarize([
    [
      { seed: "0" },
      [
        { ...seen(true, true), errors },
        { ...seen(false, true, 1, "conflict"), errors },
        { ...seen(true, false, 0.5, "misperceived"), errors: { ...errors, extra: 2 } },
        { ...seen(false, false, 0.5, "conflict"), errors: { ...errors, extra: 1, missing: 1 } },
        { ...seen(false, false, 0, "truncated"), errors: errors },
      ],
    ],
  ]);
  const [{ a, a_p, a_if_right: right, a_if_wrong: wrong, errors: found }] = table.rows as never as [
    Required<(typeof table.rows)[number]>,
  ];
  const share = a_p!.value;
  assert.closeTo(a!.value, share * right!.value + (1 - share) * wrong!.value, 1e-12);
  assert.deepStrictEqual(found, {
    extra: { harmless: 1, fatal: 1 },
    missing: { harmless: 0, fatal: 1 },
    wrong: { harmless: 0, fatal: 0 },
    reasoning: 1,
    truncated: 1,
    unreadable: 0,
  });
});

it("pairs the contrasts by seed and picture, and adjusts the primary ones alone", async () => {
  const arm = (loss: string, seed: string, right: ReadonlyArray<number>) =>
    [
      { loss, seed },
      right.flatMap((each, i) => [{ ...seen(each === 1, i % 2 === 0), instance: `g${i}` }]),
    ] as const;
  const { table } = await summarize(
    [
      arm("token", "0", [0, 0, 1, 0, 1, 0]),
      arm("token", "1", [0, 1, 0, 0, 0, 0]),
      arm("λ", "0", [1, 1, 1, 0, 1, 0]),
      arm("λ", "1", [1, 1, 0, 1, 0, 0]),
      arm("NGDiff", "0", [0, 1, 1, 0, 1, 1]),
      arm("NGDiff", "1", [0, 1, 1, 0, 1, 0]),
    ],
    ["seed"],
    { axis: "loss", baseline: "token", metric: "a", secondary: ["a_p"], margin: 0.1 },
  );
  const [first, second, ...secondary] = table.contrasts!;
  assert.deepInclude(first, { arm: "λ", baseline: "token", primary: true, n: 12, runs: 2 });
  assert.closeTo(first!.value!, 4 / 12, 1e-12);
  assert.closeTo(first!.sd!, 0, 1e-12);
  assert.deepStrictEqual([first!.p_holm, second!.p_holm], holm([first!.p!, second!.p!]) as never);
  assert.deepStrictEqual(
    secondary.map(({ arm, metric, p_holm, note }) => [arm, metric, p_holm, note]),
    ["λ", "NGDiff"].map((arm) => [arm, "a_p", null, "every difference is the same"]),
  );
  assert.isNotNull(first!.margin!.not_worse);
});
