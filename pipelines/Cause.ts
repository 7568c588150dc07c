/** A root cause: what somebody changed, or what happened, at which node, and where that stands in the experiment. */
import type { Node } from "./Compile.ts";
import { placeOf } from "./localFiles.ts";
import type { SettledDifference } from "./paramDefaults.ts";
import { type Place, placeAt, valueAt } from "./Source.ts";

export type Reason =
  | SettledDifference
  /** The input is taken from another stage than before. */
  | {
      readonly _tag: "Rewired";
      readonly input: string;
      readonly from: string;
      readonly to: string;
    }
  /** The same question was answered by other bytes. */
  | { readonly _tag: "CameOutDifferently" }
  /** Nothing like it was ever made. */
  | { readonly _tag: "First" }
  /** Never made, and one of too many of its kind to compare each. */
  | { readonly _tag: "NotCompared" }
  | {
      readonly _tag: "Gone";
      readonly how: "collected" | "damaged" | "missing";
      /** What was collected is made again only for a stage that is due. */
      readonly neededBy?: string;
    }
  | { readonly _tag: "Forced" };

export interface Cause {
  readonly node: Node;
  readonly reason: Reason;
  /** Where the value stands now; the stage, where the reason is no value. */
  readonly at: Place;
  /** Equal for causes that are the same to a person: one edit that touches many points of a stage. */
  readonly key: string;
}

export const causeAt = (node: Node, reason: Reason): Cause => {
  const at = placeOfReason(node, reason);
  const where = isOfCode(reason) ? node.stage.name : `${node.stageName} ${at.start}`;
  return { node, reason, at, key: `${where} ${JSON.stringify(reason)}` };
};

/** It is about the stage as it is programmed, wherever an experiment places it. */
export const isOfCode = ({ _tag }: Reason): boolean =>
  _tag === "Version" || _tag === "Code" || _tag === "Environment";

/** It says no more than that the node was not made before. */
export const isUnmade = ({ reason: { _tag } }: Cause): boolean =>
  _tag === "First" || _tag === "NotCompared";

const placeOfReason = (node: Node, reason: Reason): Place => {
  const { written } = node.params;
  switch (reason._tag) {
    case "Param":
      return placeOfLabel(node, reason) ?? placeAt(written, reason.path);
    case "Source":
      return placeOf(reason.path, written) ?? node.at;
    default:
      return node.at;
  }
};

/** In a text made with labels of axes, the axis value whose label was not in the text before. */
const placeOfLabel = (
  { params }: Node,
  { path, old }: Extract<Reason, { readonly _tag: "Param" }>,
): Place | undefined => {
  const located = valueAt(params.written, path);
  if (located?.kind !== "scalar" || typeof old.value !== "string") return undefined;
  const { value: before } = old;
  return located.mentions?.find(({ label }) => !before.includes(label))?.value.at;
};
