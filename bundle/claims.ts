/** What a bundle stands for: every number of its tables and correlations, how to get it again, and what that took here. */
import { Schema } from "effect";
import fs from "node:fs";
import { Correlations } from "../schemas/Correlation.ts";
import { Table } from "../schemas/Table.ts";
import type { BundledRun, GatheredNode } from "./BundledRun.ts";
import { type ClaimedNumber, correlationNumbers, tableNumbers } from "./claimedNumbers.ts";
import { costOf } from "./cost.ts";
import type { Claim } from "./format.ts";
import { rebuildLine } from "./rebuildLine.ts";

const decodeTable = Schema.decodeUnknownSync(Schema.fromJsonString(Table));
const decodeCorrelations = Schema.decodeUnknownSync(Schema.fromJsonString(Correlations));

/** A node whose numbers are claimed, with what it has made. */
export type ClaimingNode = {
  readonly node: GatheredNode;
  readonly claims: ReadonlyArray<Claim>;
} & (
  | { readonly kind: "table"; readonly made: Table }
  | { readonly kind: "correlations"; readonly made: Correlations }
);

/** In the order of the plan; numbers that are not in the bundle are no claims. */
export const claimingNodes = (bundled: BundledRun): ReadonlyArray<ClaimingNode> =>
  bundled.nodes.flatMap((node): ReadonlyArray<ClaimingNode> => {
    const { node: name, kind, artifact } = node.told;
    if (kind !== "table" && kind !== "correlations") return [];
    const path = `data/artifacts/${artifact}/${kind}.json`;
    const content = bundled.entries.find((entry) => entry.path === path)?.content;
    if (content === undefined || content instanceof Uint8Array) return [];
    const json = fs.readFileSync(content.file, "utf8");
    const { mayVary, ...cost } = costOf([node]);
    const shared = { node: name, command: rebuildLine(bundled.run.overrides, name), ...cost };
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
  const valuesOf = Map.groupBy(numbers, ({ row, metric }) => groupKey(row, metric, table));
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
