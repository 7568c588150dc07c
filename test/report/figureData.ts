/** A report's data with a table of two seeds an arm, metrics of a command, and many noisy trainings. */
import { kinds } from "../../kinds/kinds.ts";
import type { TableRow } from "../../kinds/TableFile.ts";
import type { ReportData, RunData } from "../../report/ReportData.ts";
import { wilson } from "../../stats/wilson.ts";

interface Choices {
  readonly arms?: ReadonlyArray<string>;
  readonly metrics?: ReadonlyArray<string>;
  /** An arm of the trainings, beside others. */
  readonly trained?: string;
}

const n = 200;
const seeds = ["0", "1"];

const rowOf = (loss: string, index: number, seed: string | undefined, points: number): TableRow => {
  const place = (index % 3) * 30 + 5 * Number(seed ?? 0.5);
  const metric = (successes: number) => wilson(successes * points, n * points);
  return {
    labels: seed === undefined ? { loss } : { loss, seed },
    points,
    a: metric(20 + place),
    a_p: metric(60 + place),
    a_r: metric(180 - place),
    perception_f1: 0.5,
    reasons: {},
  };
};

const tableOf = (arms: ReadonlyArray<string>) => ({
  format: 2,
  interval: "Wilson 95 %",
  axes: ["loss", "seed"],
  pooledOver: ["seed"],
  rows: arms.flatMap((loss, index) => seeds.map((seed) => rowOf(loss, index, seed, 1))),
  pooled: arms.map((loss, index) => rowOf(loss, index, undefined, 2)),
});

const measurementsOf = (metrics: ReadonlyArray<string>) => ({
  format: 1,
  axes: ["level"],
  pooledOver: [],
  metrics,
  rows: ["1", "5", "9"].map((level) => ({
    labels: { level },
    values: Object.fromEntries(metrics.map((metric, index) => [metric, Number(level) - index])),
  })),
  pooled: [],
});

const numbersOf = (node: string, kind: "table" | "measurements", json: object) => ({
  node,
  from: [],
  numbers: kinds[kind].numbers!.read(JSON.stringify(json), []),
});

const defaultArms = ["λ=0.1", "λ=0.5", "λ=0.9"];

export const dataWith = ({
  arms = defaultArms,
  metrics = ["p50 ms", "p50-ms"],
  trained = "arm 0",
}: Choices): ReportData => {
  const run: RunData = {
    run: "drawn-1",
    experiment: "drawn",
    description: undefined,
    state: "done",
    took: { begun: "2026-01-01T00:00:00.000Z", seconds: 60 },
    spec: { file: "drawn.yaml", text: "" },
    commands: ["npx pipe run drawn.yaml"],
    nodes: [],
    attempts: Array.from({ length: 40 }, (_, index) => ({
      node: `model[seed=${index}]`,
      stageName: index % 3 === 0 ? "model" : "scores",
      from: index,
      to: index + 4,
      end: "made",
    })),
    wiring: [],
    numbers: [
      numbersOf("table", "table", tableOf(arms)),
      numbersOf("packed", "measurements", measurementsOf(metrics)),
    ],
    trainings: Array.from({ length: 48 }, (_, index) => ({
      node: `model[${index}]`,
      stageName: "model",
      labels: { loss: index % 6 === 0 ? trained : `arm ${index % 6}`, seed: String(index) },
      isWhole: true,
      steps: Array.from({ length: 600 }, (_step, step) => ({
        step,
        values: { loss: 0.5 + 0.4 * Math.sin(step * 12.9898 + index * 78.233) },
      })),
    })),
    points: [],
    splits: [],
    messages: [],
    nondeterministic: [],
    environment: [],
  };
  return { runs: [run], examples: new Map() };
};

export const figureData: ReportData = dataWith({});

const { rows, pooled } = tableOf(defaultArms);

/** The accuracies of all arms and seeds. */
export const values: ReadonlyArray<number> = [...rows, ...pooled].flatMap(({ a, a_p, a_r }) =>
  [a, a_p, a_r].map((metric) => metric!.value),
);
