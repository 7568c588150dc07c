/** The numbers that a bundle claims of a result, beside those recomputed from the answers. */
import fs from "node:fs";
import path from "node:path";
import { kinds } from "../../kinds/kinds.ts";
import type { Claim } from "../format/format.ts";
import type { ComparedNumber } from "./Check.ts";
import type { CompiledNode } from "./compiledNodes.ts";
import type { StageRerun } from "./rerunStage.ts";

/** The numbers of the page that a reader sees first. */
export const comparedNumbers = (
  claims: ReadonlyArray<Claim>,
  { node, bundled }: CompiledNode,
  { directory }: StageRerun,
): ReadonlyArray<ComparedNumber> => {
  const { numbers } = kinds[bundled.kind];
  if (numbers === undefined) return [];
  const claimed = new Map(claims.map((claim) => [claim.id, claim]));
  const recomputed = numbers.read(fs.readFileSync(path.join(directory, numbers.file), "utf8"), []);
  return recomputed
    .claims(node.name)
    .numbers.filter(({ headline }) => headline !== undefined)
    .map((number) => ({
      id: number.id,
      claimed: estimateText(claimed.get(number.id)),
      recomputed: estimateText(number),
    }));
};

type Estimate = Pick<Claim, "value" | "low" | "high">;

const estimateText = (found: Estimate | undefined): string => {
  if (found === undefined) return "not claimed";
  const { value, low, high } = found;
  if (value === null) return "–";
  const interval = low === null || high === null ? "" : ` [${low.toFixed(3)}, ${high.toFixed(3)}]`;
  return `${value.toFixed(3)}${interval}`;
};
