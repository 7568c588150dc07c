/** The plan of `pipe gc`, or what it has deleted. */
import type { GoingArtifact } from "../../cache/chooseGoing.ts";
import { type GcOptions, type GcPlan, goingBytes } from "../../cache/Gc.ts";
import { type Leftover, type LeftoverKind, leftoverWords } from "../../cache/Leftovers.ts";
import type { SweepResult } from "../../cache/sweep.ts";
import { bytesText, duration } from "../../schemas/quantity.ts";
import { plural, printableName, type Style } from "../../kinds/terminal.ts";

const mostShown = 40;

export const gcText = (gcPlan: GcPlan, options: GcOptions, style: Style): string => {
  const { artifacts, leftovers, total } = gcPlan;
  const unreached = artifacts.filter(({ because }) => because === "unreached");
  const room = artifacts.filter(({ because }) => because === "room");
  const sections = [
    ...section(style.bold("artifacts without a run or tag"), unreached.map(artifactLine)),
    ...section(
      style.bold("artifacts over --max-size, quickest to make again per byte first"),
      room.map(artifactLine),
    ),
    ...section(style.bold("leftovers"), leftoverLines(leftovers)),
  ];
  if (sections.length === 0) return [nothing(total), ...remainingText(gcPlan, options)].join("\n");
  return [
    ...sections,
    `${style.bold(bytesText(goingBytes(gcPlan)))} of ${bytesText(total)}${lossOf(artifacts)}`,
    ...remainingText(gcPlan, options),
    "nothing has been deleted; the same command with --delete deletes it",
  ].join("\n");
};

export const sweptText = (
  gcPlan: GcPlan,
  { spared, total }: SweepResult,
  options: GcOptions,
): string => {
  const count = gcPlan.artifacts.length + gcPlan.leftovers.length;
  return [
    count === 0
      ? nothing(total)
      : `deleted ${plural(gcPlan.artifacts.length, "artifact")} and ${plural(gcPlan.leftovers.length, "leftover")}: ` +
        `${bytesText(gcPlan.total)} before, ${bytesText(total)} now`,
    ...(spared === 0 ? [] : [`${plural(spared, "item")} kept after all: needed again, or in use`]),
    ...remainingText(gcPlan, options),
  ].join("\n");
};

const nothing = (total: number) => `nothing to delete: all ${bytesText(total)} are needed`;

const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0
    ? []
    : [
        title,
        ...lines.slice(0, mostShown),
        ...(lines.length > mostShown
          ? [`            … and ${lines.length - mostShown} more; --json lists all`]
          : []),
        "",
      ];

const artifactLine = ({ holding, freed, staying }: GoingArtifact): string => {
  const { digest, madeBy } = holding;
  const size = bytesText(freed).padStart(8);
  const short = digest.slice(0, 12);
  if (madeBy === undefined) return `  ${size}  ${short}  without a record of how it was made`;
  const { kind, node, stage, experiment, cost } = madeBy;
  const stays =
    staying === 0
      ? ""
      : `; ${plural(staying, "result")} made from it ${staying === 1 ? "stays" : "stay"}`;
  return (
    `  ${size}  ${kind} ${short}  ${printableName(node)} (${stage}) of ${printableName(experiment)}; ` +
    `making it again takes ${duration(cost.wallSeconds)}${stays}`
  );
};

/** One line for each kind, since names of leftovers mean nothing. */
const leftoverLines = (leftovers: ReadonlyArray<Leftover>): ReadonlyArray<string> => {
  const kinds = new Map<LeftoverKind, { count: number; size: number }>();
  for (const { kind, bytes: size } of leftovers) {
    const known = kinds.get(kind) ?? { count: 0, size: 0 };
    kinds.set(kind, { count: known.count + 1, size: known.size + size });
  }
  return [...kinds].map(
    ([kind, { count, size }]) =>
      `  ${bytesText(size).padStart(8)}  ${count} × ${leftoverWords[kind]}`,
  );
};

const lossOf = (artifacts: ReadonlyArray<GoingArtifact>): string => {
  if (artifacts.length === 0) return "";
  const seconds = artifacts.reduce(
    (sum, { holding }) => sum + (holding.madeBy?.cost.wallSeconds ?? 0),
    0,
  );
  return `; making the ${plural(artifacts.length, "artifact")} again would take ${duration(seconds)}`;
};

const remainingText = (gcPlan: GcPlan, { maxBytes }: GcOptions): ReadonlyArray<string> => {
  const left = gcPlan.total - goingBytes(gcPlan);
  return maxBytes === undefined || left <= maxBytes
    ? []
    : [
        `${bytesText(left)} remain, more than ${bytesText(maxBytes)}: tagged artifacts, those of the newest and of running runs, and the store's records`,
      ];
};
