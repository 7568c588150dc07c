/** The tables of docs/results/rl-longer-limit that were written by hand, over the twelve seeds of two studies, from their lines. */
import { assert, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { studentQuantile } from "../../stats/studentT.ts";
import { root } from "../rig/build.ts";
import { jsonLines } from "../rig/Rig.ts";
import { drawnInstances } from "./drawnInstances.ts";

type Metric = "a" | "a_p" | "a_r";

interface Line extends Readonly<Record<Metric, number>> {
  readonly labels: Readonly<Record<string, string>>;
  readonly id: string;
}

const metrics = ["a", "a_p", "a_r"] as const;
const studies = { "rl-costly-errors": "reward", "rl-longer-limit": "arm" } as const;
type Study = keyof typeof studies;

const pages = path.join(root, "docs/results");

const linesOf = (study: Study): ReadonlyArray<Line> =>
  jsonLines(
    zlib.gunzipSync(fs.readFileSync(path.join(pages, study, "table.scores.jsonl.gz"))).toString(),
  ) as never;

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** α = 0.5 minus α = 0 by seed, over the puzzles with so many blanks, or all. */
const differences = (study: Study, metric: Metric, blanks?: number): ReadonlyArray<number> => {
  const drawn = drawnInstances(study, "test", 1000);
  const counts = ({ id }: Line) => blanks === undefined || drawn.get(id)?.difficulty === blanks;
  const lines = linesOf(study).filter(counts);
  const seeds = [...new Set(lines.map(({ labels }) => labels["seed"]))];
  const of = (arm: string, seed: string | undefined) =>
    mean(
      lines
        .filter(({ labels }) => labels[studies[study]] === arm && labels["seed"] === seed)
        .map((line) => line[metric]),
    );
  return seeds.map((seed) => of("α=0.5", seed) - of("α=0", seed));
};

const both = (metric: Metric, blanks?: number): ReadonlyArray<number> =>
  (Object.keys(studies) as Array<Study>).flatMap((study) => differences(study, metric, blanks));

/** `−0.016 [−0.037, +0.006]`: the mean over seeds and Student's interval. */
const text = (values: ReadonlyArray<number>): string => {
  const middle = mean(values);
  const variance =
    values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
  const half = studentQuantile(0.05, values.length - 1) * Math.sqrt(variance / values.length);
  const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
  return `${signed(middle)} [${signed(middle - half)}, ${signed(middle + half)}]`;
};

const readme = fs.readFileSync(path.join(pages, "rl-longer-limit/README.md"), "utf8");

/** The cells of a row, without p-values. */
const row = (first: string): ReadonlyArray<string> => {
  const line = readme.split("\n").find((each) => each.startsWith(`| ${first}`));
  return (line ?? assert.fail(first))
    .split("|")
    .slice(2, -1)
    .map((cell) => cell.replace(/, p .*/u, "").trim());
};

it("the twelve seeds, in sum and by study, are those of the lines", () => {
  for (const metric of metrics) {
    const [costly, longer, all, below] = row(`${metric} | ${metric === "a_p" ? "+" : "−"}0.0`);
    assert.strictEqual(costly, text(differences("rl-costly-errors", metric)), metric);
    assert.strictEqual(longer, text(differences("rl-longer-limit", metric)), metric);
    assert.strictEqual(all, text(both(metric)), metric);
    const count = both(metric).filter((value) => value < 0).length;
    assert.strictEqual(below, `${count} of 12`, metric);
  }
});

it("so are the differences by the number of blanks", () => {
  const drawn = [...drawnInstances("rl-longer-limit", "test", 1000).values()];
  for (const blanks of [8, 9, 10]) {
    const puzzles = drawn.filter(({ difficulty }) => difficulty === blanks).length;
    assert.deepStrictEqual(
      row(`${blanks} blanks, ${puzzles} puzzles`),
      metrics.map((metric) => text(both(metric, blanks))),
    );
  }
  const growth = metrics.map((metric) => {
    const [most, fewest] = [both(metric, 10), both(metric, 8)];
    return text(most.map((value, index) => value - fewest[index]!));
  });
  assert.deepStrictEqual(row("10 minus 8"), growth);
});
