/** The claims of a bundle: every number of its result artifacts, the command that recomputes it, and what that cost here. */
import type { ClaimedNumber, ClaimedNumbers } from "../../kinds/claims.ts";
import { sampledModels } from "../../kinds/Model.ts";
import { kinds } from "../../kinds/kinds.ts";
import type { BundleRun, Claim } from "../format/format.ts";
import { groupBy } from "../../stats/groupBy.ts";
import { costOf } from "./cost.ts";
import { rebuildLine } from "./rebuildLine.ts";
import type { RunNode } from "./runNodes.ts";

/** A node whose numbers are claimed. */
export interface ClaimingNode extends ClaimedNumbers {
  readonly node: RunNode;
  /** The file that holds the numbers, below the top folder. */
  readonly file: string;
  readonly claims: ReadonlyArray<Claim>;
}

/** In the plan's order. `read` returns undefined for a file that is not in the bundle; its numbers are not claimed. */
export const claimingNodes = (
  { overrides }: BundleRun,
  nodes: ReadonlyArray<RunNode>,
  read: (file: string) => string | undefined,
): ReadonlyArray<ClaimingNode> => {
  const makers = new Map(nodes.toReversed().map(({ bundled }) => [bundled.artifact, bundled]));
  return nodes.flatMap((node): ReadonlyArray<ClaimingNode> => {
    const { node: name, kind, artifact } = node.bundled;
    const claiming = kinds[kind].numbers;
    if (claiming === undefined) return [];
    const file = `data/artifacts/${artifact}/${claiming.file}`;
    const json = read(file);
    if (json === undefined) return [];
    const { mayVary, ...cost } = costOf([node]);
    const claimed = claiming
      .read(
        json,
        sampledModels(artifact, (digest) => makers.get(digest)),
      )
      .claims(name);
    const tolerance = mayVary ? seedSpread(claimed) : exact;
    const claims = claimed.numbers.map(({ headline: _headline, ...number }) => ({
      ...number,
      node: name,
      command: rebuildLine(overrides, name),
      ...cost,
      tolerance: Math.ceil(tolerance(number) * 1e4) / 1e4,
    }));
    return [{ ...claimed, node, file, claims }];
  });
};

type Tolerance = (number: ClaimedNumber) => number;

/** Pipe's own computations are the same on every machine. */
const exact: Tolerance = () => 0;

/**
 * Training on another machine is another random draw. The intervals cover the examples only, so the tolerance is at least the spread
 * between the pooled values, such as seeds.
 */
const seedSpread = ({ numbers, pooledOver }: ClaimedNumbers): Tolerance => {
  const groupKey = ({ row, metric }: ClaimedNumber): string =>
    JSON.stringify([metric, Object.entries(row).filter(([axis]) => !pooledOver.includes(axis))]);
  const groups = groupBy(numbers, groupKey);
  return (number) => {
    const values = (groups.get(groupKey(number)) ?? []).flatMap(({ value }) => value ?? []);
    const spread = values.length === 0 ? 0 : Math.max(...values) - Math.min(...values);
    return Math.max(halfWidth(number), spread);
  };
};

const halfWidth: Tolerance = ({ value, low, high }) =>
  value === null || low === null || high === null ? 0 : Math.max(value - low, high - value);
