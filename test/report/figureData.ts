/** A report's data with a table of three arms and two seeds, and with many noisy trainings. */
import type { TableRow } from "../../kinds/TableFile.ts";
import type { ReportData, RunData } from "../../report/ReportData.ts";
import { wilson } from "../../stats/wilson.ts";

const n = 200;
const arms = ["λ=0.1", "λ=0.5", "λ=0.9"];
const seeds = ["0", "1"];

const rowOf = (loss: string, seed: string | undefined, points: number): TableRow => {
  const place = arms.indexOf(loss) * 30 + 5 * Number(seed ?? 0.5);
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

const rows = arms.flatMap((loss) => seeds.map((seed) => rowOf(loss, seed, 1)));
const pooled = arms.map((loss) => rowOf(loss, undefined, 2));

/** The accuracies of all arms and seeds. */
export const values: ReadonlyArray<number> = [...rows, ...pooled].flatMap(({ a, a_p, a_r }) =>
  [a, a_p, a_r].map((metric) => metric!.value),
);

const table = {
  format: 2,
  interval: "Wilson 95 %",
  axes: ["loss", "seed"],
  pooledOver: ["seed"],
  rows,
  pooled,
} as const;

const measurements = {
  format: 1,
  axes: ["level"],
  pooledOver: [],
  metrics: ["p50 ms", "p50-ms"],
  rows: ["1", "5", "9"].map((level) => ({
    labels: { level },
    values: { "p50 ms": Number(level), "p50-ms": 10 - Number(level) },
  })),
  pooled: [],
};

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
    {
      node: "table",
      from: [],
      numbers: {
        json: { table },
        text: () => "",
        claims: () => ({ numbers: [], facts: [], legend: "", pooledOver: [] }),
      },
    },
    {
      node: "packed",
      from: [],
      numbers: {
        json: { measurements },
        text: () => "",
        claims: () => ({ numbers: [], facts: [], legend: "", pooledOver: [] }),
      },
    },
  ],
  trainings: Array.from({ length: 48 }, (_, index) => ({
    node: `model[${index}]`,
    stageName: "model",
    labels: { loss: `arm ${index % 6}`, seed: String(index) },
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

export const figureData: ReportData = { runs: [run], examples: new Map() };
