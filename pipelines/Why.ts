/**
 * Why nodes are due: the root causes, in a node or above it, and how they reach it.
 *
 * A node is compared with the nearest earlier action. Where an input differs, what made it is compared with what made
 * the input of then, and so on upwards, until something is found that somebody changed.
 */
import { Effect } from "effect";
import fs from "node:fs";
import { type EarlierActions, earlierActions } from "../cache/History.ts";
import { Store } from "../cache/Store.ts";
import type { Action } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { type Cause, causeAt, isUnmade, type Reason } from "./Cause.ts";
import type { Labels, Node, NodeInput } from "./Compile.ts";
import { type Difference, differences, labelKey, notYetKnown } from "./Difference.ts";
import { fieldsOfAction, nearestAction, type Nearest } from "./Earlier.ts";
import type { KeyFields } from "./Keys.ts";
import { settler } from "./paramDefaults.ts";
import { stageNameOf } from "./nodeName.ts";
import { isFanIn, mapInputs, type Plan, type PlannedNode, upstreamOf } from "./Plan.ts";

/** An input through which causes from above reach a node. */
export interface Link {
  readonly input: string;
  readonly above: Explanation;
}

export interface Explanation {
  readonly planned: PlannedNode;
  /** What it was compared with. */
  readonly against?: Pick<Nearest, "action" | "relation">;
  /** Never empty; its own first. */
  readonly causes: ReadonlyArray<Cause>;
  /** There are more causes than are listed. */
  readonly more: boolean;
  readonly links: ReadonlyArray<Link>;
}

/** The explanation of every due node among `targets` and above them. */
export const explain = Effect.fn("explain")(function* (plan: Plan, targets: ReadonlySet<Node>) {
  const store = yield* Store;
  const due = dueAbove(plan, targets);
  if (due.length === 0) return new Map<Node, Explanation>();
  const isThere = (artifact: Digest) => fs.existsSync(store.directoryOf(artifact));
  return yield* store.query((index) =>
    new Explainer(plan, earlierActions(index), isThere).explain(due),
  );
});

/** The due nodes among the targets and above them, each after those it takes from. */
const dueAbove = ({ nodes }: Plan, targets: ReadonlySet<Node>): ReadonlyArray<PlannedNode> => {
  const wanted = new Set(targets);
  const found = nodes.toReversed().filter(({ node, status }) => {
    if (status === "cached" || !wanted.has(node)) return false;
    for (const input of upstreamOf(node)) wanted.add(input);
    return true;
  });
  return found.toReversed();
};

/** A person mends a few; beyond, listing them all would only cost. */
const mostCauses = 20;

/** How far changed inputs are followed through nodes that are made: further up, the input itself is the reason. */
const mostSteps = 300;

/** Enough to find the one of the same node among those that happen to have made the same bytes. */
const mostMakers = 10;

/** What is found at one node: its own causes, and the inputs that bring others. */
interface Parts {
  readonly own: ReadonlyArray<Cause>;
  readonly links: ReadonlyArray<Link>;
}

/** Pure, but for the look-ups it is given. */
export class Explainer {
  private readonly plan: Plan;
  private readonly earlier: EarlierActions;
  private readonly isThere: (artifact: Digest) => boolean;
  private readonly nearest: ReturnType<typeof nearestAction>;
  private readonly settled = settler();
  /** The stage of a due node that takes from a node. */
  private readonly neededBy = new Map<Node, string>();
  private readonly due = new Map<Node, Explanation>();
  private readonly changed = new Map<string, Explanation>();

  constructor(plan: Plan, earlier: EarlierActions, isThere: (artifact: Digest) => boolean) {
    this.plan = plan;
    this.earlier = earlier;
    this.isThere = isThere;
    const nodes = plan.nodes.map(({ node }) => node);
    this.nearest = nearestAction(plan.experiment, nodes, earlier);
    for (const { node, status } of plan.nodes)
      if (status !== "cached")
        for (const input of upstreamOf(node)) this.neededBy.set(input, node.stageName);
  }

  /** `due` has every node after the due ones it takes from. */
  explain(due: ReadonlyArray<PlannedNode>): ReadonlyMap<Node, Explanation> {
    for (const planned of due) this.due.set(planned.node, this.explainDue(planned));
    return this.due;
  }

  private explainDue(planned: PlannedNode): Explanation {
    const { node, because, found } = planned;
    if (because._tag === "Forced") return alone(planned, { _tag: "Forced" });
    if (because._tag === "Gone") {
      const isMissing = because.how === "damaged" && !this.isThere(found?.artifact ?? "");
      const neededBy = because.how === "collected" ? this.neededBy.get(node) : undefined;
      return alone(planned, {
        _tag: "Gone",
        how: isMissing ? "missing" : because.how,
        ...(neededBy === undefined ? {} : { neededBy }),
      });
    }
    const waiting = because._tag === "Waits" ? this.linksToDue(node) : [];
    const before = this.nearest(node, this.fieldsNow(node));
    const unmade = causeAt(node, { _tag: before === "none" ? "First" : "NotCompared" });
    if (typeof before === "string")
      return { planned, ...join({ own: [unmade], links: waiting }, unmade) };
    const { own, links } = this.partsOf(node, this.withoutConsequences(node, before), 0);
    return {
      planned,
      against: before,
      ...join({ own, links: [...links, ...waiting] }, unmade),
    };
  }

  private fieldsNow(node: Node): KeyFields {
    const { fieldsOf, byNode } = this.plan;
    return fieldsOf(
      node,
      mapInputs(node, (input) => byNode.get(input)?.found?.artifact ?? notYetKnown),
    );
  }

  private linksToDue(node: Node): ReadonlyArray<Link> {
    return Object.entries(node.inputs).flatMap(([input, from]) =>
      (isFanIn(from) ? from.map((element) => element.node) : [from]).flatMap((upstream) => {
        const above = this.due.get(upstream);
        return above === undefined ? [] : [{ input, above }];
      }),
    );
  }

  private partsOf(node: Node, found: ReadonlyArray<Difference>, steps: number): Parts {
    const own: Array<Cause> = [];
    const links: Array<Link> = [];
    for (const difference of found) {
      const part = this.partOf(node, difference, steps);
      if ("above" in part) links.push(part);
      else own.push(causeAt(node, part));
    }
    return { own, links };
  }

  /** Another artifact of an input is followed to what made it; everything else is a reason by itself. */
  private partOf(node: Node, difference: Difference, steps: number): Reason | Link {
    if (difference._tag !== "Input" || steps >= mostSteps) return this.settled(node, difference);
    const { input, old } = difference;
    const upstream = nodeOfInput(node, difference);
    const planned = upstream === undefined ? undefined : this.plan.byNode.get(upstream);
    if (planned === undefined) return difference;
    const from = this.rewiredFrom(planned.node, old);
    if (from !== undefined) return { _tag: "Rewired", input, from, to: planned.node.stageName };
    const above = this.explainChanged(planned, old, steps + 1);
    return above === undefined ? difference : { input, above };
  }

  /** The stage of this experiment that made the input of then, if it is another one than today's. */
  private rewiredFrom(upstream: Node, was: Digest): string | undefined {
    const { experiment } = this.plan;
    const itself = this.earlier.actionsOfNode(experiment, upstream.name, mostMakers);
    if (itself.some(({ artifact }) => artifact === was)) return undefined;
    const makers = this.earlier
      .actionsThatMade(was, mostMakers)
      .filter((action) => action.experiment === experiment)
      .map(({ node }) => stageNameOf(node));
    return makers.includes(upstream.stageName) ? undefined : makers[0];
  }

  /** Why a node whose artifact is known does not have the one of then; undefined where nobody knows what made that. */
  private explainChanged(
    planned: PlannedNode,
    was: Digest,
    steps: number,
  ): Explanation | undefined {
    const key = `${planned.recipe} ${was}`;
    const known = this.changed.get(key);
    if (known !== undefined) return known;
    const { node } = planned;
    const action = this.makerOf(node, was);
    if (action === undefined) return undefined;
    const found = differences(fieldsOfAction(action), this.fieldsNow(node));
    const explanation: Explanation = {
      planned,
      against: { action, relation: "itself" },
      ...join(this.partsOf(node, found, steps), causeAt(node, { _tag: "CameOutDifferently" })),
    };
    this.changed.set(key, explanation);
    return explanation;
  }

  /** The node's own making of an artifact, or else any of its stage. */
  private makerOf(node: Node, artifact: Digest): Action | undefined {
    const of = (actions: ReadonlyArray<Action>) =>
      actions.find((action) => action.artifact === artifact && action.stage === node.stage.name);
    return (
      of(this.earlier.actionsOfNode(this.plan.experiment, node.name, mostMakers)) ??
      of(this.earlier.actionsThatMade(artifact, mostMakers))
    );
  }

  /**
   * Leaves out elements that came to a fan-in or left it where that only follows from something else that is told: an
   * element that is due itself, what it replaces, and the other labels of another point.
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

const alone = (planned: PlannedNode, reason: Reason): Explanation => ({
  planned,
  causes: [causeAt(planned.node, reason)],
  more: false,
  links: [],
});

/** Every cause once, its own first; `otherwise` is the cause where none is found. */
const join = (
  { own, links }: Parts,
  otherwise: Cause,
): Pick<Explanation, "causes" | "more" | "links"> => {
  const [only, ...others] = new Set(links.map(({ above }) => above));
  // Most nodes of a long chain: their causes are those of the one above.
  if (own.length === 0 && only !== undefined && others.length === 0)
    return { causes: only.causes, more: only.more, links };
  // That something above was not made yet says nothing new of what was not made either.
  const isNew = own.some(isUnmade);
  const causes = new Map(own.map((each) => [each.key, each]));
  let more = causes.size > mostCauses;
  for (const above of new Set(links.map((link) => link.above))) {
    more ||= above.more;
    for (const each of above.causes) {
      if (causes.has(each.key) || (isNew && isUnmade(each))) continue;
      if (causes.size < mostCauses) causes.set(each.key, each);
      else more = true;
    }
  }
  const listed = causes.size === 0 ? [otherwise] : [...causes.values()].slice(0, mostCauses);
  return { causes: listed, more, links };
};

const elementsByLabels = new WeakMap<NodeInput, ReadonlyMap<string, Node>>();

/** The node that an input, or an element of a fan-in, is taken from. */
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

/** A node that a cause has reached, and the input through which it came. */
export interface Step {
  readonly explanation: Explanation;
  readonly input?: string;
}

/** The shortest way from where a cause is down to the explained node, both included. */
export const wayFrom = ({ node }: Cause, explained: Explanation): ReadonlyArray<Step> => {
  const below = new Map<Explanation, { readonly by: Explanation; readonly input: string }>();
  const waiting = [explained];
  const seen = new Set(waiting);
  for (const each of waiting) {
    if (each.planned.node === node) return stepsDown(each, below);
    for (const { input, above } of each.links) {
      if (seen.has(above)) continue;
      seen.add(above);
      below.set(above, { by: each, input });
      waiting.push(above);
    }
  }
  return [{ explanation: explained }];
};

const stepsDown = (
  from: Explanation,
  below: ReadonlyMap<Explanation, { readonly by: Explanation; readonly input: string }>,
): ReadonlyArray<Step> => {
  const steps: Array<Step> = [{ explanation: from }];
  for (let next = below.get(from); next !== undefined; next = below.get(next.by))
    steps.push({ explanation: next.by, input: next.input });
  return steps;
};
