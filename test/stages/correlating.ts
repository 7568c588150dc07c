/** Runs the stage `correlate` on given rollouts. */
import { assert } from "@effect/vitest";
import { Effect, Schema } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Correlations } from "../../kinds/CorrelationsFile.ts";
import { type Target } from "../../schemas/Correlation.ts";
import type { Rollout } from "../../kinds/Rollouts.ts";
import { correlateRun } from "../../stages/Correlate.run.ts";
import type { FanInElement, StageContext } from "../../stages/StageRun.ts";

export const rollout = (parts: Partial<Rollout>): Rollout => ({
  id: "p0",
  group: 0,
  step: 0,
  sample: 0,
  mode: "end-to-end",
  response: "",
  tokens: 1,
  outcome: false,
  perception: false,
  perception_f1: 0,
  consistent: false,
  reason: null,
  rewards: {},
  advantage: null,
  ...parts,
});

export const jsonl = (lines: ReadonlyArray<Rollout>): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join("");

interface Options {
  readonly resamples?: number;
  readonly seed?: number;
  readonly steps?: { readonly first: number; readonly last: number };
}

export type Files = Readonly<Record<string, string | Uint8Array>>;

/** Runs the stage on the elements of a fan-in, given by their files. */
export const run = async (
  elements: ReadonlyArray<readonly [labels: FanInElement["labels"], files: Files]>,
  { resamples = 100, seed = 0, ...options }: Options = {},
) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-correlate-"));
  try {
    const rollouts = elements.map(([labels, files], index): FanInElement => {
      const element = path.join(directory, String(index));
      fs.mkdirSync(element);
      for (const [name, content] of Object.entries(files))
        fs.writeFileSync(path.join(element, name), content);
      const artifact = { digest: String(index), kind: "rollouts", files: [], bytes: 0 } as const;
      return { labels, directory: element, artifact };
    });
    const output = path.join(directory, "out");
    fs.mkdirSync(output);
    const context = {
      params: { resamples, seed, ...options },
      inputs: { rollouts },
      output,
      report: () => Effect.void,
    } as unknown as StageContext<never>;
    await Effect.runPromise(correlateRun.run(context) as unknown as Effect.Effect<unknown, Error>);
    const json = fs.readFileSync(path.join(output, "correlations.json"), "utf8");
    return {
      json,
      made: Schema.decodeUnknownSync(Schema.fromJsonString(Correlations))(json),
      csv: fs.readFileSync(path.join(output, "correlations.csv"), "utf8"),
    };
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
};

/** The rollouts of one checkpoint. */
export const correlate = async (lines: ReadonlyArray<Rollout>, options?: Options) => {
  const { made, ...rest } = await run([[{}, { "rollouts.jsonl": jsonl(lines) }]], options);
  const point = made.points[0] ?? assert.fail();
  const association = (reward: string, target: Target) =>
    point.associations.find((each) => each.reward === reward && each.target === target) ??
    assert.fail(`nothing of ${reward} and ${target}`);
  return { ...rest, made, point, association };
};
