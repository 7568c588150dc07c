/** The numbers of a table, counted by hand: which lines they are of, what is pooled, and how it reads as CSV. */
import { assert, it } from "@effect/vitest";
import { Effect, Schema } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Table } from "../../schemas/Table.ts";
import type { FanInElement, StageContext } from "../../stages/Stage.ts";
import { Summarize } from "../../stages/Summarize.ts";
import { wilson } from "../../stats/wilson.ts";

interface Line {
  readonly mode: "end-to-end" | "counterfactual";
  readonly outcome: boolean;
  readonly perception: boolean;
  readonly f1?: number;
  readonly reason?: string;
}

const seen = (outcome: boolean, perception: boolean, f1 = 1, reason?: string): Line => ({
  mode: "end-to-end",
  outcome,
  perception,
  f1,
  ...(reason === undefined ? {} : { reason }),
});
const forced = (outcome: boolean): Line => ({ mode: "counterfactual", outcome, perception: true });

/** Runs the stage over scores given by point; each point is its labels and its lines. */
const summarize = async (
  points: ReadonlyArray<readonly [Readonly<Record<string, string>>, ReadonlyArray<Line>]>,
  pool: ReadonlyArray<string> = ["seed"],
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
      fs.writeFileSync(path.join(element, "model.json"), '{"description":"a micro model"}');
      const artifact = { digest: String(index), kind: "scores", files: [], bytes: 0 } as const;
      return { labels, directory: element, artifact };
    });
    const output = path.join(directory, "out");
    fs.mkdirSync(output);
    const context = {
      params: { pool },
      inputs: { scores },
      output,
      report: () => Effect.void,
    } as unknown as StageContext<{ readonly pool: ReadonlyArray<string> }>;
    await Effect.runPromise(Summarize.run(context) as Effect.Effect<unknown, unknown>);
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

it("a and a_p are of the end-to-end lines, a_r of the counterfactual ones", async () => {
  const { table } = await summarize(study);
  assert.deepStrictEqual(table.axes, ["loss", "seed"]);
  assert.strictEqual(table.rows.length, 4);
  const [first, second] = table.rows;
  assert.deepStrictEqual(first, {
    labels: { loss: "token", seed: "0" },
    points: 1,
    a: wilson(1, 2),
    a_p: wilson(1, 2),
    a_r: wilson(2, 2),
    perception_f1: 0.75,
    reasons: { misperceived: 1 },
  } as never);
  assert.deepInclude(second, {
    a_p: wilson(1, 2),
    a_r: wilson(1, 2),
    perception_f1: 0.625,
  } as never);
});

it("pooled rows add up the points that differ only in what is pooled", async () => {
  const { table } = await summarize(study);
  assert.deepStrictEqual(table.pooledOver, ["seed"]);
  assert.deepStrictEqual(
    table.pooled.map(({ labels, points, a, a_p, a_r }) => ({ labels, points, a, a_p, a_r })),
    [
      {
        labels: { loss: "token" },
        points: 2,
        a: wilson(2, 4),
        a_p: wilson(2, 4),
        a_r: wilson(3, 4),
      },
      {
        labels: { loss: 'λ, "0.3"' },
        points: 2,
        a: wilson(4, 4),
        a_p: wilson(4, 4),
        a_r: wilson(0, 4),
      },
    ] as never,
  );
  assert.deepStrictEqual(table.pooled[0]?.reasons, { misperceived: 2, "no-answer": 1 });
});

it("nothing is pooled where there is no such axis", async () => {
  const { table } = await summarize(study, ["other"]);
  assert.deepStrictEqual([table.pooledOver, table.pooled], [[], []]);
});

it("no lines make no numbers, rather than zeros", async () => {
  const { table, csv } = await summarize([[{ seed: "0" }, []]]);
  assert.deepInclude(table.rows[0], { a: null, a_p: null, a_r: null, perception_f1: null });
  assert.strictEqual(csv.split("\r\n")[1], "0,1,,,,0,,,,0,,,,0,");
});

it("names each kind of model once", async () => {
  assert.deepStrictEqual((await summarize(study)).table.models, ["a micro model"]);
});

it("as CSV quotes what needs it, and has a cell for every column", async () => {
  const lines = (await summarize(study)).csv.trimEnd().split("\r\n");
  assert.strictEqual(lines.length, 1 + 4 + 2);
  assert.strictEqual(
    lines[0],
    "loss,seed,points,a,a_low,a_high,a_n,a_p,a_p_low,a_p_high,a_p_n,a_r,a_r_low,a_r_high,a_r_n,perception_f1",
  );
  assert.isTrue(lines[3]?.startsWith('"λ, ""0.3""",0,1,1,'));
  assert.isTrue(lines[5]?.startsWith("token,,2,0.5,"));
  for (const line of lines)
    assert.strictEqual(line.replaceAll(/"(?:[^"]|"")*"/gu, "x").split(",").length, 16);
});
