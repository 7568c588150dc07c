/**
 * A plan: every node with its recipe key and its status before anything runs.
 *
 * `cached`: its artifact is in the store. `run`: its inputs are known and it must be made. `may-run`, shown as "pending":
 * an input must be made first; if that input comes out as before, the node is cached after all.
 */
import { Effect } from "effect";
import type { FoundAction, Look } from "../../cache/Look.ts";
import type { SourceDigests } from "../../cache/SourceDigests.ts";
import { Store } from "../../cache/Store.ts";
import type { Digest } from "../../schemas/Digest.ts";
import { type Graph, mapInputs, type Node, upstreamOf } from "../experiment/Node.ts";
import { collectKeyFacts, type FieldsOf } from "./keyFacts.ts";
import { keyOf } from "./Keys.ts";
import { notesOf } from "./notes.ts";

/** The reason for a node's status. */
export type Because =
  | { readonly _tag: "Found"; readonly by: "recipe" | "content" }
  /** `pipe gc` collected its files, and no due node needs them. */
  | { readonly _tag: "NotNeeded" }
  | { readonly _tag: "New" }
  /** It was made, but its files were collected or damaged. */
  | { readonly _tag: "Gone"; readonly how: "collected" | "damaged" }
  | { readonly _tag: "Forced" }
  | { readonly _tag: "Waits"; readonly for: ReadonlyArray<Node> };

export interface PlannedNode {
  readonly node: Node;
  readonly recipe: Digest;
  readonly status: "cached" | "run" | "may-run";
  readonly because: Because;
  /** The earlier answer; its files are present when the status is `cached` and the reason is not `NotNeeded`. */
  readonly found?: FoundAction;
}

export interface Plan {
  readonly experiment: string;
  readonly overriddenAxes: Graph["overriddenAxes"];
  readonly nodes: ReadonlyArray<PlannedNode>;
  readonly byNode: ReadonlyMap<Node, PlannedNode>;
  readonly fieldsOf: FieldsOf;
  /** Digests of local files, for the run to record. */
  readonly learned: SourceDigests["learned"];
  /** Lines for the experiment's author, such as probable mistakes and files left out of sources. */
  readonly notes: ReadonlyArray<string>;
}

/** `forced` nodes are made again even if they are cached. */
export const plan = Effect.fn("plan")(function* (
  graph: Graph,
  project: string,
  forced: ReadonlySet<Node>,
) {
  const store = yield* Store;
  const { fieldsOf, ignored, learned } = yield* collectKeyFacts(graph, project);
  const nodes = yield* store.look(graph.nodes.length, (look) =>
    new Planner(fieldsOf, forced, look).plan(graph),
  );
  const byNode = new Map(nodes.map((planned) => [planned.node, planned]));
  const notes = notesOf(graph, project, ignored);
  const { name: experiment, overriddenAxes } = graph;
  return { experiment, overriddenAxes, nodes, byNode, fieldsOf, learned, notes } satisfies Plan;
});

/** Plans nodes in topological order. */
class Planner {
  private readonly fieldsOf: FieldsOf;
  private readonly forced: ReadonlySet<Node>;
  private readonly look: Look;
  private readonly planned = new Map<Node, PlannedNode>();
  /** Nodes whose recipe key does not determine their artifact: forced, nondeterministic, or downstream of such. */
  private readonly inexact = new Set<Node>();

  constructor(fieldsOf: FieldsOf, forced: ReadonlySet<Node>, look: Look) {
    this.fieldsOf = fieldsOf;
    this.forced = forced;
    this.look = look;
  }

  plan({ nodes }: Graph): ReadonlyArray<PlannedNode> {
    const { nondeterministic } = this.look;
    for (const node of nodes) {
      const planned = this.planNode(node);
      const { found } = planned;
      if (found !== undefined && nondeterministic.has(found.content)) this.inexact.add(node);
      this.planned.set(node, planned);
    }
    return withoutUnneeded([...this.planned.values()]);
  }

  private planNode(node: Node): PlannedNode {
    const { forced, inexact, look } = this;
    const recipe = this.key(node, ({ recipe: upstream }) => upstream);
    const upstream = upstreamOf(node);
    const isForced = forced.has(node);
    if (isForced || upstream.some((input) => inexact.has(input))) inexact.add(node);
    if (isForced) return { node, recipe, status: "run", because: { _tag: "Forced" } };
    const known = inexact.has(node) ? undefined : look.byRecipe(recipe);
    if (known?.state === "present")
      return { node, recipe, status: "cached", because: foundBy("recipe"), found: known };
    const unmade = upstream.filter((input) => this.plannedOf(input).found === undefined);
    if (known === undefined && unmade.length > 0)
      return { node, recipe, status: "may-run", because: { _tag: "Waits", for: unmade } };
    const content = () => this.key(node, ({ found }) => found?.artifact ?? "");
    const found = known ?? look.byContent(content());
    if (found === undefined) return { node, recipe, status: "run", because: { _tag: "New" } };
    return found.state === "present"
      ? { node, recipe, status: "cached", because: foundBy("content"), found }
      : { node, recipe, status: "run", because: { _tag: "Gone", how: found.state }, found };
  }

  private key(node: Node, identityOf: (input: PlannedNode) => Digest): Digest {
    return keyOf(
      this.fieldsOf(
        node,
        mapInputs(node, (input) => identityOf(this.plannedOf(input))),
      ),
    );
  }

  private plannedOf(node: Node): PlannedNode {
    const planned = this.planned.get(node);
    if (planned === undefined)
      throw new Error(`${node.name} is planned after a node that needs it`);
    return planned;
  }
}

const foundBy = (by: "recipe" | "content") => ({ _tag: "Found", by }) as const;

/** The artifacts of cached nodes. */
export const cachedArtifacts = ({ nodes }: Plan): ReadonlySet<Digest> =>
  new Set(
    nodes.flatMap(({ because, found }) =>
      because._tag === "Found" && found !== undefined ? [found.artifact] : [],
    ),
  );

/** The plan after `pipe gc` collected some of its artifacts. */
export const withoutCollected = (plan: Plan, collected: ReadonlySet<Digest>): Plan => {
  if (collected.size === 0) return plan;
  const nodes = withoutUnneeded(
    plan.nodes.map((planned): PlannedNode => {
      const { because, found } = planned;
      const gone =
        because._tag === "NotNeeded" || (found !== undefined && collected.has(found.artifact));
      if (planned.status !== "cached" || !gone) return planned;
      return { ...planned, status: "run", because: { _tag: "Gone", how: "collected" } };
    }),
  );
  return { ...plan, nodes, byNode: new Map(nodes.map((planned) => [planned.node, planned])) };
};

/** Collected artifacts are made again only where a due node needs them or where nothing is downstream of them. */
const withoutUnneeded = (nodes: ReadonlyArray<PlannedNode>): ReadonlyArray<PlannedNode> => {
  const isCollected = (planned: PlannedNode) =>
    planned.because._tag === "Gone" && planned.because.how === "collected";
  if (!nodes.some(isCollected)) return nodes;
  const needed = new Set(nodes.map(({ node }) => node));
  for (const { node } of nodes) for (const input of upstreamOf(node)) needed.delete(input);
  const settled = nodes.toReversed().map((planned): PlannedNode => {
    const isDue =
      planned.status !== "cached" && (!isCollected(planned) || needed.has(planned.node));
    if (isDue) for (const input of upstreamOf(planned.node)) needed.add(input);
    return isDue || planned.status === "cached"
      ? planned
      : { ...planned, status: "cached", because: { _tag: "NotNeeded" } };
  });
  return settled.toReversed();
};
