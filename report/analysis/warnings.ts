/** Warnings: a referee's likely objections. */
import { plural } from "../../kinds/terminal.ts";
import type { RunData, Training } from "../ReportData.ts";
import { armSetsOf } from "./Arms.ts";

/** A loss that falls by more than this share in the last fifth of a training has not converged. */
const fallingShare = 0.05;

export const warningsOf = (run: RunData): ReadonlyArray<string> => [
  ...endOf(run),
  ...seedsOf(run),
  ...instancesOf(run),
  ...convergenceOf(run),
  ...(run.nondeterministic.length === 0
    ? []
    : [
        `Equal work has given several results: ${run.nondeterministic.join(", ")}. The run shows one of them.`,
      ]),
  ...run.messages.map(({ message, nodes }) => `${nodes[0]}: ${message}${others(nodes.length)}`),
];

const others = (nodes: number): string => (nodes === 1 ? "" : ` (and ${nodes - 1} more)`);

const ends = {
  done: "ended",
  failed: "failed",
  interrupted: "was interrupted",
  killed: "was killed",
  running: "is still running",
} as const;

const endOf = ({ state, nodes }: RunData): ReadonlyArray<string> => {
  const count = (of: string) => nodes.filter((node) => node.state === of).length;
  const [failed, skipped] = [count("failed"), count("skipped")];
  if (state === "done" && failed === 0) return [];
  const made = nodes.filter(({ digest }) => digest !== undefined).length;
  const why = [
    ...(failed === 0 ? [] : [`${plural(failed, "node")} failed`]),
    ...(skipped === 0 ? [] : [`${plural(skipped, "node")} skipped because of them`]),
  ];
  return [
    `The run ${ends[state]}: ${[`${made} of ${plural(nodes.length, "result")} made`, ...why].join(", ")}.`,
  ];
};

const seedsOf = (run: RunData): ReadonlyArray<string> => {
  const few = armSetsOf(run).flatMap(({ node, arms }) => {
    const seeds = Math.min(...arms.map((arm) => arm.seeds.length));
    return seeds === 1 ? [node] : [];
  });
  return few.length === 0
    ? []
    : [`One seed a point in ${few.join(", ")}: the spread between trainings is unknown.`];
};

/** Tables of format 1 have intervals that take the pictures as independent. */
const instancesOf = (run: RunData): ReadonlyArray<string> =>
  armSetsOf(run).every(({ table }) => table.format > 1)
    ? []
    : run.splits.flatMap(({ split, pictures, instances }) =>
        instances === pictures
          ? []
          : [
              `The ${pictures} pictures of \`${split}\` show ${instances} distinct instances: the table's intervals take the pictures as independent and are too narrow.`,
            ],
      );

const convergenceOf = (run: RunData): ReadonlyArray<string> => {
  const trainings = run.trainings.filter(({ isWhole }) => isWhole);
  const falls = trainings.flatMap((training) => {
    const fall = fallOf(training);
    return fall !== undefined && fall > fallingShare ? [fall] : [];
  });
  if (falls.length === 0) return [];
  const [least, most] = [Math.min(...falls), Math.max(...falls)].map(
    (share) => `${(100 * share).toFixed(0)} %`,
  );
  const range = least === most ? least : `${least} to ${most}`;
  return [
    `Not converged: the loss of ${plural(falls.length, "training")} of ${trainings.length} fell by ${range} in the last fifth of the steps. More steps may change the order.`,
  ];
};

/** The share by which the losses, added up, fell from the fourth fifth of the steps to the last. */
const fallOf = ({ steps }: Training): number | undefined => {
  const losses = steps.flatMap(({ values }) => {
    const parts = ["L_p", "L_r"].flatMap((name) => values[name] ?? []);
    const loss = parts.length > 0 ? parts.reduce((sum, part) => sum + part, 0) : values["loss"];
    return loss === undefined ? [] : [loss];
  });
  const fifth = Math.floor(losses.length / 5);
  if (fifth < 2) return undefined;
  const mean = (from: number, to?: number) => {
    const part = losses.slice(from, to);
    return part.reduce((sum, loss) => sum + loss, 0) / part.length;
  };
  const before = mean(-2 * fifth, -fifth);
  return before > 0 ? 1 - mean(-fifth) / before : undefined;
};
