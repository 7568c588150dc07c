/**
 * A plan: every node with its key, and what is known of it before anything runs.
 *
 * `cached`: its artifact is there. `run`: its inputs are known and nobody has made it. `may-run`: an input is yet to be
 * made, and if that comes out as it was before, the node is found after all.
 */
import { Effect } from "effect";
import type { Found, Look } from "../cache/Look.ts";
import type { SourceDigests } from "../cache/SourceDigests.ts";
import { Store } from "../cache/Store.ts";
import type { Digest } from "../schemas/Digest.ts";
import type { InputIdentity } from "../schemas/KeyParts.ts";
import type { Graph, Node, NodeInput } from "./Compile.ts";
import { type FieldsOf, gatherFacts } from "./facts.ts";
import { keyOf } from "./Keys.ts";

/** Why a node has its status. */
export type Because =
  | { readonly _tag: "Found"; readonly by: "recipe" | "content" }
  /** It was made, its files were taken away by `pipe gc`, and nothing that is due needs them. */
  | { readonly _tag: "NotNeeded" }
  | { readonly _tag: "New" }
  /** It was made, but its files are gone or not as they were stored. */
  | { readonly _tag: "Gone"; readonly how: "collected" | "damaged" }
  | { readonly _tag: "Forced" }
  | { readonly _tag: "Waits"; readonly for: ReadonlyArray<Node> };

export interface PlannedNode {
  readonly node: Node;
  readonly recipe: Digest;
  readonly status: "cached" | "run" | "may-run";
  readonly because: Because;
  /** What answered it before; its files are there when the status is `cached` for any reason but `NotNeeded`. */
  readonly found?: Found;
}

export interface Plan {
  readonly experiment: string;
  readonly nodes: ReadonlyArray<PlannedNode>;
  readonly byNode: ReadonlyMap<Node, PlannedNode>;
  readonly fieldsOf: FieldsOf;
  /** Digests of local files that a run may remember. */
  readonly learned: SourceDigests["learned"];
}

/** `forced` nodes are made anew whatever is known. */
export const plan = Effect.fn("plan")(function* (
  graph: Graph,
  project: string,
  forced: ReadonlySet<Node>,
) {
  const store = yield* Store;
  const { fieldsOf, learned } = yield* gatherFacts(graph, project);
  const nodes = yield* store.look(graph.nodes.length, (look) =>
    planNodes(graph, fieldsOf, forced, look),
  );
  const byNode = new Map(nodes.map((planned) => [planned.node, planned]));
  return { experiment: graph.name, nodes, byNode, fieldsOf, learned } satisfies Plan;
});

const planNodes = (
  graph: Graph,
  fieldsOf: FieldsOf,
  forced: ReadonlySet<Node>,
  look: Look,
): ReadonlyArray<PlannedNode> => {
  const planned = new Map<Node, PlannedNode>();
  /** Nodes whose recipe does not say which artifact they have: made anew, with several answers, or below such. */
  const inexact = new Set<Node>();
  const { nondeterministic } = look;
  const plannedOf = (node: Node): PlannedNode => {
    const found = planned.get(node);
    if (found === undefined) throw new Error(`${node.name} is planned after what takes from it`);
    return found;
  };
  const contentOf = (node: Node): Digest =>
    keyOf(
      fieldsOf(
        node,
        mapInputs(node, (input) => plannedOf(input).found?.artifact ?? ""),
      ),
    );

  const statusOf = (node: Node, recipe: Digest): PlannedNode => {
    const upstream = upstreamOf(node);
    const isForced = forced.has(node);
    if (isForced || upstream.some((input) => inexact.has(input))) inexact.add(node);
    if (isForced) return { node, recipe, status: "run", because: { _tag: "Forced" } };
    const known = inexact.has(node) ? undefined : look.byRecipe(recipe);
    if (known?.state === "present")
      return {
        node,
        recipe,
        status: "cached",
        because: { _tag: "Found", by: "recipe" },
        found: known,
      };
    const waits = upstream.filter((input) => plannedOf(input).found === undefined);
    if (known === undefined && waits.length > 0)
      return { node, recipe, status: "may-run", because: { _tag: "Waits", for: waits } };
    const found = known ?? look.byContent(contentOf(node));
    if (found === undefined) return { node, recipe, status: "run", because: { _tag: "New" } };
    return found.state === "present"
      ? { node, recipe, status: "cached", because: { _tag: "Found", by: "content" }, found }
      : { node, recipe, status: "run", because: { _tag: "Gone", how: found.state }, found };
  };

  for (const node of graph.nodes) {
    const settled = statusOf(
      node,
      keyOf(
        fieldsOf(
          node,
          mapInputs(node, (input) => plannedOf(input).recipe),
        ),
      ),
    );
    if (settled.found !== undefined && nondeterministic.has(settled.found.content))
      inexact.add(node);
    planned.set(node, settled);
  }
  return withoutNeedless([...planned.values()]);
};

/** The artifacts that cached nodes have. */
export const foundBy = ({ nodes }: Plan): ReadonlySet<Digest> =>
  new Set(
    nodes.flatMap(({ because, found }) =>
      because._tag === "Found" && found !== undefined ? [found.artifact] : [],
    ),
  );

/** The same plan after `pipe gc` has taken some of these artifacts away. */
export const withoutTaken = (plan: Plan, taken: ReadonlySet<Digest>): Plan => {
  if (taken.size === 0) return plan;
  const nodes = withoutNeedless(
    plan.nodes.map((planned): PlannedNode => {
      const { because, found } = planned;
      const gone =
        because._tag === "NotNeeded" || (found !== undefined && taken.has(found.artifact));
      if (planned.status !== "cached" || !gone) return planned;
      return { ...planned, status: "run", because: { _tag: "Gone", how: "collected" } };
    }),
  );
  return { ...plan, nodes, byNode: new Map(nodes.map((planned) => [planned.node, planned])) };
};

/** What `pipe gc` took away is made again only for something that is due, or where it is what the experiment is for. */
const withoutNeedless = (nodes: ReadonlyArray<PlannedNode>): ReadonlyArray<PlannedNode> => {
  const collected = (planned: PlannedNode) =>
    planned.because._tag === "Gone" && planned.because.how === "collected";
  if (!nodes.some(collected)) return nodes;
  const needed = new Set(nodes.map(({ node }) => node));
  for (const { node } of nodes) for (const input of upstreamOf(node)) needed.delete(input);
  const settled = nodes.toReversed().map((planned): PlannedNode => {
    const isDue = planned.status !== "cached" && (!collected(planned) || needed.has(planned.node));
    if (isDue) for (const input of upstreamOf(planned.node)) needed.add(input);
    return isDue || planned.status === "cached"
      ? planned
      : { ...planned, status: "cached", because: { _tag: "NotNeeded" } };
  });
  return settled.toReversed();
};

export const upstreamOf = (node: Node): ReadonlyArray<Node> =>
  Object.values(node.inputs).flatMap((input) =>
    isFanIn(input) ? input.map((element) => element.node) : [input],
  );

export const isFanIn = (input: NodeInput): input is Extract<NodeInput, ReadonlyArray<unknown>> =>
  Array.isArray(input);

export const mapInputs = (
  node: Node,
  identityOf: (input: Node) => Digest,
): Readonly<Record<string, InputIdentity>> =>
  Object.fromEntries(
    Object.entries(node.inputs).map(([name, input]) => [
      name,
      isFanIn(input)
        ? input.map((element) => ({ labels: element.labels, identity: identityOf(element.node) }))
        : identityOf(input),
    ]),
  );
