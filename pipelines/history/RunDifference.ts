/**
 * Differences between two runs: the first differing nodes, whose inputs are equal, and the nodes downstream of them.
 * Pure except for the look-up of actions that it is given.
 */
import type { Action } from "../../schemas/Artifact.ts";
import type { Digest } from "../../schemas/Digest.ts";
import { isFanIn, type Node } from "../experiment/Node.ts";
import { type Difference, differences } from "../plan/Difference.ts";
import { fieldsOfAction } from "../plan/NearestActionFinder.ts";
import { defaultFiller, type FilledDifference } from "../plan/paramDefaults.ts";
import type { RunPlan } from "./RunPlan.ts";
import type { RunSide } from "./RunSide.ts";

type RunNode = RunPlan["nodes"][number];

export interface NodeDifference {
  readonly node: string;
  readonly stageName: string;
  readonly stage: string;
  /** Changed settings of the node itself; inputs are left out. */
  readonly own: ReadonlyArray<FilledDifference>;
  /** Absent where that run has not made the node. */
  readonly old?: Digest;
  readonly new?: Digest;
}

export interface RunDifference {
  /** Differing nodes with equal inputs. */
  readonly first: ReadonlyArray<NodeDifference>;
  /** Nodes with changed inputs and changed settings of their own. */
  readonly also: ReadonlyArray<NodeDifference>;
  /** Nodes whose results differ, and only their inputs changed. */
  readonly follow: ReadonlyArray<NodeDifference>;
  /** Differing nodes that at least one run has not made. */
  readonly unmade: ReadonlyArray<NodeDifference>;
  readonly onlyOld: ReadonlyArray<RunNode>;
  readonly onlyNew: ReadonlyArray<RunNode>;
  readonly same: number;
}

export type ActionOf = (recipe: Digest, artifact: Digest | undefined) => Action | undefined;

export const runDifference = (old: RunSide, now: RunSide, actionOf: ActionOf): RunDifference => {
  const before = new Map(old.plan.nodes.map((node) => [node.node, node]));
  const after = new Set(now.plan.nodes.map(({ node }) => node));
  const first: Array<NodeDifference> = [];
  const also: Array<NodeDifference> = [];
  const follow: Array<NodeDifference> = [];
  const unmade: Array<NodeDifference> = [];
  const compare = nodeComparer(old, now, actionOf);
  let same = 0;
  for (const node of now.plan.nodes) {
    const was = before.get(node.node);
    if (was === undefined) continue;
    const { difference, inputsAgree } = compare(was, node);
    if (difference === undefined) {
      same += 1;
      continue;
    }
    const isMade = difference.old !== undefined && difference.new !== undefined;
    if (!isMade) unmade.push(difference);
    if (difference.own.length > 0) (inputsAgree ? first : also).push(difference);
    else if (isMade) (inputsAgree ? first : follow).push(difference);
  }
  return {
    first,
    also,
    follow,
    unmade,
    onlyOld: old.plan.nodes.filter(({ node }) => !after.has(node)),
    onlyNew: now.plan.nodes.filter(({ node }) => !before.has(node)),
    same,
  };
};

const nodeComparer = (old: RunSide, now: RunSide, actionOf: ActionOf) => {
  const settled = defaultFiller();
  const identities = [old, now].map(identityIn);
  const agree = (was: RunNode, is: RunNode): boolean => {
    const [before, after] = [old.nodes.get(was.node), now.nodes.get(is.node)];
    if (before === undefined || after === undefined) return was.recipe === is.recipe;
    const [one, other] = [before, after].map((node, side) =>
      inputsText(node, identities[side] ?? String),
    );
    return one === other;
  };
  const own = (was: RunNode, is: RunNode): ReadonlyArray<FilledDifference> =>
    ownDifferences(was, is, { old, now, actionOf }).map((difference) =>
      settled(now.nodes.get(is.node), difference),
    );
  return (was: RunNode, is: RunNode) => {
    const [before, after] = [old.artifacts.get(was.node), now.artifacts.get(is.node)];
    const inputsAgree = agree(was, is);
    if (was.recipe === is.recipe && before === after) return { inputsAgree };
    const changed = was.recipe === is.recipe ? [] : own(was, is);
    if (before === after && before !== undefined && changed.length === 0) return { inputsAgree };
    const { node, stageName, stage } = is;
    const difference: NodeDifference = {
      node,
      stageName,
      stage,
      own: changed,
      ...(before === undefined ? {} : { old: before }),
      ...(after === undefined ? {} : { new: after }),
    };
    return { inputsAgree, difference };
  };
};

/** A node's identity as an input: its artifact, else its recipe. */
const identityIn = ({ plan, artifacts }: RunSide): ((node: string) => string) => {
  const recipes = new Map(plan.nodes.map(({ node, recipe }) => [node, recipe]));
  return (node) => artifacts.get(node) ?? recipes.get(node) ?? "";
};

const inputsText = ({ inputs }: Node, identityOf: (node: string) => string): string =>
  JSON.stringify(
    Object.entries(inputs)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, from]) => [
        name,
        isFanIn(from)
          ? from.map(({ labels, node }) => [labels, identityOf(node.name)])
          : identityOf(from.name),
      ]),
  );

/** Compares the nodes' actions, or, where one has none, their settings in the experiments. */
const ownDifferences = (
  was: RunNode,
  is: RunNode,
  {
    old,
    now,
    actionOf,
  }: { readonly old: RunSide; readonly now: RunSide; readonly actionOf: ActionOf },
): ReadonlyArray<Difference> => {
  const before = actionOf(was.recipe, old.artifacts.get(was.node));
  const after = actionOf(is.recipe, now.artifacts.get(is.node));
  if (before !== undefined && after !== undefined && before.stage === after.stage)
    return differences(fieldsOfAction(before), fieldsOfAction(after)).filter(isOwn);
  const [one, other] = [old.nodes.get(was.node), now.nodes.get(is.node)];
  if (one === undefined || other === undefined) return [];
  return differences(settingsOf(one), settingsOf(other)).filter(isOwn);
};

const settingsOf = ({ stage, params }: Node) => ({
  stage: stage.name,
  version: stage.version,
  params: params.key,
  inputs: {},
});

const isOwn = ({ _tag }: Difference): boolean =>
  _tag !== "Input" && _tag !== "ElementAdded" && _tag !== "ElementRemoved" && _tag !== "Order";
