/**
 * The earlier action that a node is nearest to: of its own earlier makings the one with the fewest differences, else of
 * the newest of its stage, where it has most in common with one. Pure, but for the look-ups it is given.
 */
import type { EarlierActions } from "../cache/History.ts";
import type { Action } from "../schemas/Artifact.ts";
import type { Graph, Node } from "./Compile.ts";
import { type Difference, differences } from "./Difference.ts";
import type { KeyFields } from "./Keys.ts";
import { partsOfName, stageNameOf } from "./nodeName.ts";

export interface Nearest {
  readonly action: Action;
  readonly differences: ReadonlyArray<Difference>;
  /** The node itself, made before; a point that has gone from the experiment; or something that is still in it, or elsewhere. */
  readonly relation: "itself" | "gone" | "other";
}

const mostOfNode = 10;
const mostOfStage = 50;
/** Beyond so many nodes of a stage that were never made, the rest is not compared with everything: one sees the point. */
const mostSearched = 100;

/** `nodes` are those of the whole plan: what has gone from it is what an edit most likely replaced. */
export const nearestAction = (
  experiment: string,
  nodes: Graph["nodes"],
  earlier: EarlierActions,
): ((node: Node, fields: KeyFields) => Nearest | "none" | "not searched") => {
  const present = new Set(nodes.map(({ name }) => name));
  const ofStage = new Map<string, ReadonlyArray<Action>>();
  const searched = new Map<string, number>();

  const candidatesOf = (stage: string): ReadonlyArray<Action> => {
    const known = ofStage.get(stage);
    if (known !== undefined) return known;
    const found = earlier.actionsOfStage(stage, mostOfStage);
    ofStage.set(stage, found);
    return found;
  };

  const nearestOfStage = (node: Node, fields: KeyFields): Nearest | undefined => {
    const isHere = (action: Action) => action.experiment === experiment;
    const isGone = (action: Action) =>
      isSibling(action, node) && isHere(action) && !present.has(action.node);
    /** Smaller is nearer; the first of equals is the newest. */
    const distance = (action: Action, found: ReadonlyArray<Difference>) => [
      found.length,
      isSibling(action, node) ? 0 : 1,
      isHere(action) ? 0 : 1,
      -sharedLabels(action, node),
      isGone(action) ? 0 : 1,
    ];
    const compared = candidatesOf(node.stage.name).flatMap((action) => {
      const found = differences(fieldsOfAction(action), fields);
      return isSibling(action, node) || found.length * 2 < extent(fields)
        ? [{ action, differences: found, distance: distance(action, found) }]
        : [];
    });
    const best = compared.reduce<(typeof compared)[number] | undefined>(
      (nearest, each) =>
        nearest === undefined || isLess(each.distance, nearest.distance) ? each : nearest,
      undefined,
    );
    if (best === undefined) return undefined;
    return { ...best, relation: isGone(best.action) ? "gone" : "other" };
  };

  let made: ReadonlySet<string> | undefined;
  const ownActions = (node: Node): ReadonlyArray<Action> => {
    made ??= earlier.nodesMade(experiment);
    return made.has(node.name) ? earlier.actionsOfNode(experiment, node.name, mostOfNode) : [];
  };

  return (node, fields) => {
    if (candidatesOf(node.stage.name).length === 0) return "none";
    const own = ownActions(node)
      .filter(({ stage }) => stage === node.stage.name)
      .map((action) => ({ action, differences: differences(fieldsOfAction(action), fields) }));
    const nearest = own.toSorted((a, b) => a.differences.length - b.differences.length)[0];
    if (nearest !== undefined) return { ...nearest, relation: "itself" };
    const count = searched.get(node.stageName) ?? 0;
    if (count >= mostSearched) return "not searched";
    searched.set(node.stageName, count + 1);
    return nearestOfStage(node, fields) ?? "none";
  };
};

/** What its key said when it was made: the fields of the content key. */
export const fieldsOfAction = (action: Action): KeyFields =>
  action.keyParts as unknown as KeyFields;

const isSibling = (action: Action, node: Node): boolean =>
  stageNameOf(action.node) === node.stageName;

const sharedLabels = (action: Action, node: Node): number => {
  const labels = partsOfName(node.name)[1];
  return partsOfName(action.node)[1].filter((label) => labels.includes(label)).length;
};

/** In how many fields it can differ at all. */
const extent = ({ params, inputs }: KeyFields): number =>
  Object.keys(params as object).length + Object.keys(inputs).length;

const isLess = (one: ReadonlyArray<number>, other: ReadonlyArray<number>): boolean => {
  const index = one.findIndex((value, position) => value !== other[position]);
  return index !== -1 && (one[index] ?? 0) < (other[index] ?? 0);
};
