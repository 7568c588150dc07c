/**
 * Finds the root causes of due nodes.
 *
 * A node is compared with the nearest earlier action. Where an input differs, the action behind that input is compared
 * with the action behind the earlier input, and so on upstream, until a difference is found that somebody made.
 */
import { Effect } from "effect";
import fs from "node:fs";
import { type EarlierActions, earlierActions } from "../../cache/History.ts";
import { Store } from "../../cache/Store.ts";
import type { Action } from "../../schemas/Artifact.ts";
import type { Digest } from "../../schemas/Digest.ts";
import {
  elementsOf,
  type FanIn,
  isFanIn,
  labelKey,
  type Labels,
  mapInputs,
  type Node,
  upstreamOf,
} from "../experiment/Node.ts";
import { stageNameOf } from "../experiment/nodeName.ts";
import { type Cause, causeAt, type Reason } from "./Cause.ts";
import { type Difference, differences, unknownIdentity } from "./Difference.ts";
import { type Explanation, joinCauses, type UpstreamLink } from "./Explanation.ts";
import type { KeyFields } from "./Keys.ts";
import { fieldsOfAction, type Nearest, NearestActionFinder } from "./NearestActionFinder.ts";
import { defaultFiller } from "./paramDefaults.ts";
import type { Plan, PlannedNode } from "./Plan.ts";

/** Explains every due node among `targets` and upstream of them. */
export const explain = Effect.fn("explain")(function* (plan: Plan, targets: ReadonlySet<Node>) {
  const store = yield* Store;
  const due = dueUpstream(plan, targets);
  if (due.length === 0) return new Map<Node, Explanation>();
  const exists = (artifact: Digest) => fs.existsSync(store.directoryOf(artifact));
  return yield* store.query((index) =>
    new Explainer(plan, earlierActions(index), exists).explain(due),
  );
});

/** The due nodes among the targets and upstream of them, in topological order. */
const dueUpstream = ({ nodes }: Plan, targets: ReadonlySet<Node>): ReadonlyArray<PlannedNode> => {
  const wanted = new Set(targets);
  const found = nodes.toReversed().filter(({ node, status }) => {
    if (status === "cached" || !wanted.has(node)) return false;
    for (const input of upstreamOf(node)) wanted.add(input);
    return true;
  });
  return found.toReversed();
};

/** How far changed inputs are followed through made nodes; further up, the input itself is the cause. */
const mostSteps = 300;

/** How many actions are searched for the maker of an artifact: several nodes can make the same bytes. */
const mostMakers = 10;

/** Pure except for the look-ups that it is given. */
export class Explainer {
  private readonly plan: Plan;
  private readonly earlier: EarlierActions;
  private readonly exists: (artifact: Digest) => boolean;
  private readonly nearest: NearestActionFinder;
  private readonly fillDefaults = defaultFiller();
  /** For each node, the stage of a due node that takes it as an input. */
  private readonly neededBy = new Map<Node, string>();
  private readonly due = new Map<Node, Explanation>();
  private readonly changed = new Map<string, Explanation>();

  constructor(plan: Plan, earlier: EarlierActions, exists: (artifact: Digest) => boolean) {
    this.plan = plan;
    this.earlier = earlier;
    this.exists = exists;
    const { experiment: name, overriddenAxes } = plan;
    const nodes = plan.nodes.map(({ node }) => node);
    this.nearest = new NearestActionFinder({ name, nodes, overriddenAxes }, earlier);
    for (const { node, status } of plan.nodes)
      if (status !== "cached")
        for (const input of upstreamOf(node)) this.neededBy.set(input, node.stageName);
  }

  /** `due` is in topological order. */
  explain(due: ReadonlyArray<PlannedNode>): ReadonlyMap<Node, Explanation> {
    for (const planned of due) this.due.set(planned.node, this.explainDue(planned));
    return this.due;
  }

  private explainDue(planned: PlannedNode): Explanation {
    const { node, because, found } = planned;
    if (because._tag === "Forced") return withCause(planned, { _tag: "Forced" });
    if (because._tag === "Gone") {
      const isMissing = because.how === "damaged" && !this.exists(found?.artifact ?? "");
      const neededBy = because.how === "collected" ? this.neededBy.get(node) : undefined;
      return withCause(planned, {
        _tag: "Gone",
        how: isMissing ? "missing" : because.how,
        ...(neededBy === undefined ? {} : { neededBy }),
      });
    }
    const pending = because._tag === "Waits" ? this.linksToDue(node) : [];
    const nearest = this.nearest.find(node, this.currentFields(node));
    const unmade = causeAt(node, { _tag: nearest === "none" ? "First" : "NotCompared" });
    if (typeof nearest === "string") return { planned, ...joinCauses([unmade], pending, unmade) };
    const { own, links } = this.causesOf(node, this.withoutConsequences(node, nearest), 0);
    const marked =
      nearest.relation === "point"
        ? own.map((cause) => ({ ...cause, nearest: nearest.action.node }))
        : own;
    return { planned, against: nearest, ...joinCauses(marked, [...links, ...pending], unmade) };
  }

  private currentFields(node: Node): KeyFields {
    const { fieldsOf, byNode } = this.plan;
    return fieldsOf(
      node,
      mapInputs(node, (input) => byNode.get(input)?.found?.artifact ?? unknownIdentity),
    );
  }

  private linksToDue(node: Node): ReadonlyArray<UpstreamLink> {
    return Object.entries(node.inputs).flatMap(([input, from]) =>
      elementsOf(from).flatMap((upstream) => {
        const above = this.due.get(upstream);
        return above === undefined ? [] : [{ input, above }];
      }),
    );
  }

  /** The causes in a node's own differences, and links for those that come from upstream. */
  private causesOf(node: Node, found: ReadonlyArray<Difference>, steps: number) {
    const own: Array<Cause> = [];
    const links: Array<UpstreamLink> = [];
    for (const difference of found) {
      const result = this.reasonOf(node, difference, steps);
      if ("above" in result) links.push(result);
      else own.push(causeAt(node, result));
    }
    return { own, links };
  }

  /** Follows a changed input to the action behind it; any other difference is a reason by itself. */
  private reasonOf(node: Node, difference: Difference, steps: number): Reason | UpstreamLink {
    if (difference._tag !== "Input" || steps >= mostSteps)
      return this.fillDefaults(node, difference);
    const { input, old } = difference;
    const upstream = nodeOfInput(node, difference);
    const planned = upstream === undefined ? undefined : this.plan.byNode.get(upstream);
    if (planned === undefined) return difference;
    const from = this.rewiredFrom(planned.node, old);
    if (from !== undefined) return { _tag: "Rewired", input, from, to: planned.node.stageName };
    const above = this.explainChanged(planned, old, steps + 1);
    return above === undefined ? difference : { input, above };
  }

  /** The stage of this experiment that made the earlier input, if it is not the stage wired now. */
  private rewiredFrom(upstream: Node, earlierInput: Digest): string | undefined {
    const { experiment } = this.plan;
    const itself = this.earlier.actionsOfNode(experiment, upstream.name, mostMakers);
    if (itself.some(({ artifact }) => artifact === earlierInput)) return undefined;
    const makers = this.earlier
      .actionsThatMade(earlierInput, mostMakers)
      .filter((action) => action.experiment === experiment)
      .map(({ node }) => stageNameOf(node));
    return makers.includes(upstream.stageName) ? undefined : makers[0];
  }

  /** Explains why a made node no longer has an earlier artifact; undefined where no action is known for that. */
  private explainChanged(
    planned: PlannedNode,
    earlierArtifact: Digest,
    steps: number,
  ): Explanation | undefined {
    const key = `${planned.recipe} ${earlierArtifact}`;
    const known = this.changed.get(key);
    if (known !== undefined) return known;
    const { node } = planned;
    const action = this.makerOf(node, earlierArtifact);
    if (action === undefined) return undefined;
    const found = differences(fieldsOfAction(action), this.currentFields(node));
    const { own, links } = this.causesOf(node, found, steps);
    const explanation: Explanation = {
      planned,
      against: { action, relation: "itself" },
      ...joinCauses(own, links, causeAt(node, { _tag: "CameOutDifferently" })),
    };
    this.changed.set(key, explanation);
    return explanation;
  }

  /** The node's own action that made an artifact, else any of its stage. */
  private makerOf(node: Node, artifact: Digest): Action | undefined {
    const ofStage = (actions: ReadonlyArray<Action>) =>
      actions.find((action) => action.artifact === artifact && action.stage === node.stage.name);
    return (
      ofStage(this.earlier.actionsOfNode(this.plan.experiment, node.name, mostMakers)) ??
      ofStage(this.earlier.actionsThatMade(artifact, mostMakers))
    );
  }

  /**
   * Drops fan-in elements whose coming or going follows from another cause that is listed: elements that are due
   * themselves, the elements they replace, and the other labels of another point.
   */
  private withoutConsequences(
    node: Node,
    { differences: found, relation }: Nearest,
  ): ReadonlyArray<Difference> {
    const isDueElement = (difference: Difference): boolean => {
      const element =
        difference._tag === "ElementAdded" ? nodeOfInput(node, difference) : undefined;
      return element !== undefined && this.due.has(element);
    };
    const added = found.filter(isDueElement).length;
    const removed = found.filter(({ _tag }) => _tag === "ElementRemoved").length;
    const isReplaced = added > 0 && (relation !== "itself" || removed <= added);
    return found.filter(
      (difference) =>
        !isDueElement(difference) && !(isReplaced && difference._tag === "ElementRemoved"),
    );
  }
}

const withCause = (planned: PlannedNode, reason: Reason): Explanation => ({
  planned,
  causes: [causeAt(planned.node, reason)],
  more: false,
  links: [],
});

const elementsByLabels = new WeakMap<FanIn, ReadonlyMap<string, Node>>();

/** The node behind an input, or behind one element of a fan-in. */
const nodeOfInput = (
  node: Node,
  { input, labels }: { readonly input: string; readonly labels?: Labels },
): Node | undefined => {
  const from = node.inputs[input];
  if (from === undefined || !isFanIn(from)) return from;
  let elements = elementsByLabels.get(from);
  if (elements === undefined) {
    elements = new Map(from.map((element) => [labelKey(element.labels), element.node]));
    elementsByLabels.set(from, elements);
  }
  return elements.get(labelKey(labels ?? {}));
};
