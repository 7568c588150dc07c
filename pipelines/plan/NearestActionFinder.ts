/**
 * Finds the earlier action that is nearest to a node: its own action with the fewest differences, else a recent action of
 * the experiment's stage, else one of another experiment's that has enough in common. Pure except for the look-ups that it is given.
 */
import type { EarlierActions } from "../../cache/History.ts";
import type { Action } from "../../schemas/Artifact.ts";
import type { Graph, Node } from "../experiment/Node.ts";
import { type Difference, differences } from "./Difference.ts";
import type { KeyFields } from "./Keys.ts";
import { labelText, partsOfName, stageNameOf } from "../experiment/nodeName.ts";

export interface Nearest {
  readonly action: Action;
  readonly differences: ReadonlyArray<Difference>;
  /**
   * The action is of the node itself, of a point that an edit took out of the experiment, of another point of the stage,
   * or of another stage or experiment.
   */
  readonly relation: "itself" | "gone" | "point" | "other";
}

const mostOfNode = 10;
const mostOfStage = 50;
/** How many never-made nodes of a stage are compared with the actions of others; the rest would repeat the same cause. */
const mostSearched = 100;

export class NearestActionFinder {
  private readonly experiment: string;
  private readonly earlier: EarlierActions;
  private readonly nodeNames: ReadonlySet<string>;
  private readonly overriddenAxes: ReadonlySet<string>;
  private readonly ofStage = new Map<string, ReadonlyArray<Action>>();
  private readonly searched = new Map<string, number>();
  private madeNodes: ReadonlySet<string> | undefined;

  /** `nodes` are those of the whole plan: an action whose node is gone is probably what an edit replaced. */
  constructor({ name, nodes, overriddenAxes }: Graph, earlier: EarlierActions) {
    this.experiment = name;
    this.overriddenAxes = overriddenAxes;
    this.earlier = earlier;
    this.nodeNames = new Set(nodes.map(({ name }) => name));
  }

  find(node: Node, fields: KeyFields): Nearest | "none" | "not searched" {
    if (this.candidates(node.stage.name).length === 0) return "none";
    const own = this.ownActions(node)
      .filter(({ stage }) => stage === node.stage.name)
      .map((action) => ({ action, differences: differences(fieldsOfAction(action), fields) }));
    const nearest = own.toSorted((a, b) => a.differences.length - b.differences.length)[0];
    if (nearest !== undefined) return { ...nearest, relation: "itself" };
    const count = this.searched.get(node.stageName) ?? 0;
    if (count >= mostSearched) return "not searched";
    this.searched.set(node.stageName, count + 1);
    return this.nearestOfStage(node, fields) ?? "none";
  }

  private candidates(stage: string): ReadonlyArray<Action> {
    const known = this.ofStage.get(stage);
    if (known !== undefined) return known;
    const found = this.earlier.actionsOfStage(stage, mostOfStage);
    this.ofStage.set(stage, found);
    return found;
  }

  private ownActions({ name }: Node): ReadonlyArray<Action> {
    const { earlier, experiment } = this;
    this.madeNodes ??= earlier.nodesMade(experiment);
    return this.madeNodes.has(name) ? earlier.actionsOfNode(experiment, name, mostOfNode) : [];
  }

  private nearestOfStage(node: Node, fields: KeyFields): Nearest | undefined {
    const compared = this.candidates(node.stage.name).flatMap((action) => {
      const found = differences(fieldsOfAction(action), fields);
      return isSibling(action, node) || found.length * 2 < extent(fields)
        ? [{ action, differences: found, distance: this.distance(action, node, found) }]
        : [];
    });
    const best = this.ownFirst(compared, node).reduce<(typeof compared)[number] | undefined>(
      (nearest, each) =>
        nearest === undefined || isLess(each.distance, nearest.distance) ? each : nearest,
      undefined,
    );
    if (best === undefined) return undefined;
    const { action } = best;
    if (!isSibling(action, node) || !this.isHere(action)) return { ...best, relation: "other" };
    return { ...best, relation: this.isGone(action, node) ? "gone" : "point" };
  }

  /** The stage's own past: in this experiment if there is any, else under this name, else all. */
  private ownFirst<A extends { readonly action: Action }>(
    all: ReadonlyArray<A>,
    node: Node,
  ): ReadonlyArray<A> {
    const named = all.filter(({ action }) => isSibling(action, node));
    const here = named.filter(({ action }) => this.isHere(action));
    return [here, named].find((some) => some.length > 0) ?? all;
  }

  /** Compared from the first component; among equals the newest action wins. */
  private distance(
    action: Action,
    node: Node,
    found: ReadonlyArray<Difference>,
  ): ReadonlyArray<number> {
    return [
      found.length,
      isSibling(action, node) ? 0 : 1,
      this.isHere(action) ? 0 : 1,
      -sharedLabels(action, node),
      this.isGone(action, node) ? 0 : 1,
    ];
  }

  private isHere(action: Action): boolean {
    return action.experiment === this.experiment;
  }

  private isGone(action: Action, node: Node): boolean {
    return (
      isSibling(action, node) &&
      this.isHere(action) &&
      !this.nodeNames.has(action.node) &&
      !this.isLeftOut(action, node)
    );
  }

  /** The action's point has another value of an axis whose values the command line chose: it was left out, not edited. */
  private isLeftOut(action: Action, node: Node): boolean {
    const [, labels] = partsOfName(action.node);
    const axes = Object.keys(node.labels).filter((axis) => this.overriddenAxes.has(axis));
    return axes.some((axis) => !labels.includes(labelText(axis, node.labels[axis]!)));
  }
}

/** The fields of the action's content key. */
export const fieldsOfAction = (action: Action): KeyFields =>
  action.keyParts as unknown as KeyFields;

const isSibling = (action: Action, node: Node): boolean =>
  stageNameOf(action.node) === node.stageName;

const sharedLabels = (action: Action, node: Node): number => {
  const labels = partsOfName(node.name)[1];
  return partsOfName(action.node)[1].filter((label) => labels.includes(label)).length;
};

/** The number of fields that can differ. */
const extent = ({ params, inputs }: KeyFields): number =>
  Object.keys(params as object).length + Object.keys(inputs).length;

const isLess = (one: ReadonlyArray<number>, other: ReadonlyArray<number>): boolean => {
  const index = one.findIndex((value, position) => value !== other[position]);
  return index !== -1 && (one[index] ?? 0) < (other[index] ?? 0);
};
