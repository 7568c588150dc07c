/** What a bundle stands for: every number of its tables and correlations, how to get it again, and what that took here. */
import { Schema } from "effect";
import { Correlations } from "../schemas/Correlation.ts";
import { Table } from "../schemas/Table.ts";
import type { RunNode } from "./runNodes.ts";
import { type ClaimedNumber, correlationNumbers, tableNumbers } from "./claimedNumbers.ts";
import { costOf } from "./cost.ts";
import type { BundleRun, Claim } from "./format.ts";
import { grouped } from "./grouped.ts";
import { rebuildLine } from "./rebuildLine.ts";

const decodeTable = Schema.decodeUnknownSync(Schema.fromJsonString(Table));
const decodeCorrelations = Schema.decodeUnknownSync(Schema.fromJsonString(Correlations));

/** A node whose numbers are claimed, with what it has made. */
export type ClaimingNode = {
  readonly node: RunNode;
  readonly claims: ReadonlyArray<Claim>;
} & (
  | { readonly kind: "table"; readonly made: Table }
  | { readonly kind: "correlations"; readonly made: Correlations }
);

/** In the order of the plan; numbers that are not in the bundle, which `read` gives nothing for, are no claims. */
export const claimingNodes = (
  { overrides }: BundleRun,
  nodes: ReadonlyArray<RunNode>,
  read: (file: string) => string | undefined,
): ReadonlyArray<ClaimingNode> =>
  nodes.flatMap((node): ReadonlyArray<ClaimingNode> => {
    const { node: name, kind, artifact } = node.told;
    if (kind !== "table" && kind !== "correlations") return [];
    const json = read(`data/artifacts/${artifact}/${kind}.json`);
    if (json === undefined) return [];
    const { mayVary, ...cost } = costOf([node]);
    const shared = { node: name, command: rebuildLine(overrides, name), ...cost };
    if (kind === "correlations") {
      const made = decodeCorrelations(json);
      const numbers = correlationNumbers(name, made);
      const claims = claimsOf(numbers, shared, mayVary ? halfWidth : exact);
      return [{ node, kind, made, claims }];
    }
    const made = decodeTable(json);
    const numbers = tableNumbers(name, made);
    const claims = claimsOf(numbers, shared, mayVary ? seedSpread(numbers, made) : exact);
    return [{ node, kind, made, claims }];
  });

type Tolerance = (number: ClaimedNumber) => number;

const claimsOf = (
  numbers: ReadonlyArray<ClaimedNumber>,
  shared: Pick<Claim, "node" | "command" | "seconds" | "bytes" | "gpu">,
  tolerance: Tolerance,
): ReadonlyArray<Claim> =>
  numbers.map((number) => ({
    ...number,
    ...shared,
    tolerance: Math.ceil(tolerance(number) * 1e4) / 1e4,
  }));

/** What pipe itself computes comes out the same everywhere. */
const exact: Tolerance = () => 0;

/** A training on another machine is another draw: no number need be nearer than its interval is wide. */
const halfWidth: Tolerance = ({ value, low, high }) =>
  value === null || low === null || high === null ? 0 : Math.max(value - low, high - value);

/**
 * The intervals of a table are of the examples; a training that comes out otherwise is rather like another seed. So the tolerance is at
 * least as wide as what the seeds have given.
 */
const seedSpread = (numbers: ReadonlyArray<ClaimedNumber>, table: Table): Tolerance => {
  const valuesOf = grouped(numbers, ({ row, metric }) => groupKey(row, metric, table));
  return (number) => {
    const group = valuesOf.get(groupKey(number.row, number.metric, table)) ?? [];
    const values = group.flatMap(({ value }) => (value === null ? [] : [value]));
    return Math.max(halfWidth(number), Math.max(...values) - Math.min(...values));
  };
};

const groupKey = (row: Claim["row"], metric: string, { pooledOver }: Table): string => {
  const kept = Object.entries(row).filter(([axis]) => !pooledOver.includes(axis));
  return JSON.stringify([metric, kept]);
};
