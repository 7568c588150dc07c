/**
 * Where two runs part: the first nodes that differ while all they take agrees, and what follows from them. Pure, but for
 * the look-up of actions that it is given.
 */
import type { Action } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import type { Node } from "./Compile.ts";
import { type Difference, differences } from "./Difference.ts";
import { fieldsOfAction } from "./Earlier.ts";
import { type SettledDifference, settler } from "./paramDefaults.ts";
import { isFanIn } from "./Plan.ts";
import type { RunPlan } from "./RunRecord.ts";
import type { RunSide } from "./RunSide.ts";

type RunNode = RunPlan["nodes"][number];

export interface NodeDifference {
  readonly node: string;
  readonly stageName: string;
  readonly stage: string;
  /** What it was asked otherwise, inputs apart. */
  readonly own: ReadonlyArray<SettledDifference>;
  /** Absent where that run has not made it. */
  readonly old?: Digest;
  readonly new?: Digest;
}

export interface RunDifference {
  /** The nodes where the runs part: what they take agrees, and yet they differ. */
  readonly first: ReadonlyArray<NodeDifference>;
  /** Below these, and asked otherwise themselves. */
  readonly also: ReadonlyArray<NodeDifference>;
  /** What came out otherwise only because something above did. */
  readonly follow: ReadonlyArray<NodeDifference>;
  /** One of the runs has not made it, or not yet; the other may have. */
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
  const settled = settler();
  const identities = [old, now].map(identityIn);
  const agree = (was: RunNode, is: RunNode): boolean => {
    const [before, after] = [old.nodes.get(was.node), now.nodes.get(is.node)];
    if (before === undefined || after === undefined) return was.recipe === is.recipe;
    const [one, other] = [before, after].map((node, side) =>
      inputsText(node, identities[side] ?? String),
    );
    return one === other;
  };
  const own = (was: RunNode, is: RunNode): ReadonlyArray<SettledDifference> =>
    ownDifferences(was, is, { old, now, actionOf }).map((difference) =>
      settled(now.nodes.get(is.node), difference),
    );
  return (was: RunNode, is: RunNode) => {
    const [before, after] = [old.artifacts.get(was.node), now.artifacts.get(is.node)];
    const inputsAgree = agree(was, is);
    if (was.recipe === is.recipe && before === after) return { inputsAgree };
    const asked = was.recipe === is.recipe ? [] : own(was, is);
    if (before === after && before !== undefined && asked.length === 0) return { inputsAgree };
    const { node, stageName, stage } = is;
    const difference: NodeDifference = {
      node,
      stageName,
      stage,
      own: asked,
      ...(before === undefined ? {} : { old: before }),
      ...(after === undefined ? {} : { new: after }),
    };
    return { inputsAgree, difference };
  };
};

/** Nodes are equal to those who take from them if their artifacts are, or else what was asked of them. */
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

/** From the records of what was made; where one is missing, from what the experiments ask. */
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
  return differences(askedOf(one), askedOf(other)).filter(isOwn);
};

const askedOf = ({ stage, params }: Node) => ({
  stage: stage.name,
  version: stage.version,
  params: params.key,
  inputs: {},
});

const isOwn = ({ _tag }: Difference): boolean =>
  _tag !== "Input" && _tag !== "ElementAdded" && _tag !== "ElementRemoved" && _tag !== "Order";
