/** Root causes: what changed at which node, and the place in the experiment. */
import type { Node } from "../experiment/Node.ts";
import type { Place } from "../experiment/Source.ts";
import { type Located, placeAt, placeOfText, valueAt } from "../experiment/Located.ts";
import type { FilledDifference } from "./paramDefaults.ts";

export type Reason =
  | FilledDifference
  /** The input comes from another stage than before. */
  | {
      readonly _tag: "Rewired";
      readonly input: string;
      readonly from: string;
      readonly to: string;
    }
  /** The same work gave another result. */
  | { readonly _tag: "CameOutDifferently" }
  /** The stage has no earlier action to compare with. */
  | { readonly _tag: "First" }
  /** Never made, and not compared, since its stage has too many such nodes. */
  | { readonly _tag: "NotCompared" }
  | {
      readonly _tag: "Gone";
      readonly how: "collected" | "damaged" | "missing";
      /** The due stage that needs a collected artifact. */
      readonly neededBy?: string;
    }
  | { readonly _tag: "Forced" };

export interface Cause {
  readonly node: Node;
  readonly reason: Reason;
  /** The place of the value, or of the stage where the reason is not a value. */
  readonly at: Place;
  /** The point that a new point was compared with: the reason is a difference between the two, and not an edit. */
  readonly nearest?: string;
  /** Equal for causes that a person sees as one: one edit that affects many points of a stage. */
  readonly key: string;
}

export const causeAt = (node: Node, reason: Reason): Cause => {
  const at = placeOfReason(node, reason);
  const where = isOfCode(reason) ? node.stage.name : `${node.stageName} ${at.start}`;
  return { node, reason, at, key: `${where} ${JSON.stringify(reason)}` };
};

/** The cause is the stage's code, not the experiment. */
export const isOfCode = ({ _tag }: Reason): boolean =>
  _tag === "Version" || _tag === "Code" || _tag === "Environment";

/** The node was never made. */
export const isUnmade = ({ reason: { _tag } }: Cause): boolean =>
  _tag === "First" || _tag === "NotCompared";

const placeOfReason = (node: Node, reason: Reason): Place => {
  switch (reason._tag) {
    case "Param": {
      const located = node.params.locate();
      return placeOfLabel(located, reason) ?? placeAt(located, reason.path);
    }
    case "Source":
      return placeOfText(reason.path, node.params.locate()) ?? node.at;
    default:
      return node.at;
  }
};

/** For a text with `${axis}`: the place of the axis value whose label the earlier text lacks. */
const placeOfLabel = (
  params: Located,
  { path, old }: Extract<Reason, { readonly _tag: "Param" }>,
): Place | undefined => {
  const value = valueAt(params, path);
  if (value?.kind !== "scalar" || typeof old.value !== "string") return undefined;
  const { value: before } = old;
  return value.mentions?.find(({ label }) => !before.includes(label))?.value.at;
};
