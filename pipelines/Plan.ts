/**
 * A plan: every node with its key, and what is known of it before anything runs.
 *
 * `cached`: its artifact is there. `run`: its inputs are there and nobody has made it. `may-run`: an input is yet to be
 * made, and if that comes out as it was before, the node is found after all.
 */
import { Effect } from "effect";
import { Store, type StoredAction } from "../cache/Store.ts";
import { PythonEnvironment } from "../executors/PythonEnvironment.ts";
import type { Digest } from "../schemas/Digest.ts";
import type { UnknownCode } from "../stages/code/SourceModule.ts";
import { codeOf, type StageCode } from "../stages/codeIdentity.ts";
import type { Stage } from "../stages/Stage.ts";
import type { Graph, Node, NodeInput } from "./Compile.ts";
import { type InputIdentity, type KeyFields, keyOf } from "./Keys.ts";
import { digestSources } from "./localFiles.ts";

export interface PlannedNode {
  readonly node: Node;
  readonly recipe: Digest;
  readonly status: "cached" | "run" | "may-run";
  readonly reason: string;
  readonly hit?: StoredAction;
  readonly found?: "recipe" | "content";
}

export interface Plan {
  readonly experiment: string;
  readonly nodes: ReadonlyArray<PlannedNode>;
  readonly byNode: ReadonlyMap<Node, PlannedNode>;
  /** The key's fields apart from the inputs. */
  readonly fieldsOf: (node: Node, inputs: KeyFields["inputs"]) => KeyFields;
}

export const plan = Effect.fn("plan")(function* (graph: Graph, project: string) {
  const store = yield* Store;
  const fieldsOf = fieldsWith(
    yield* digestSources(graph, project),
    yield* identifyEnvironments(graph),
    yield* identifyCode(graph),
  );
  const byNode = new Map<Node, PlannedNode>();
  for (const node of graph.nodes) {
    const recipeInputs = mapInputs(node, (input) => recipeOf(byNode, input));
    const recipe = keyOf(fieldsOf(node, recipeInputs));
    byNode.set(node, yield* statusOf(node, recipe, store, byNode, fieldsOf));
  }
  return { experiment: graph.name, nodes: [...byNode.values()], byNode, fieldsOf } satisfies Plan;
});

const statusOf = Effect.fnUntraced(function* (
  node: Node,
  recipe: Digest,
  store: Store["Service"],
  planned: ReadonlyMap<Node, PlannedNode>,
  fieldsOf: Plan["fieldsOf"],
) {
  const known = yield* store.byRecipe(recipe);
  if (known !== undefined)
    return {
      node,
      recipe,
      status: "cached",
      reason: "made before",
      hit: known,
      found: "recipe",
    } as const;
  const missing = upstreamOf(node).find((input) => planned.get(input)?.hit === undefined);
  if (missing !== undefined)
    return { node, recipe, status: "may-run", reason: `waits for ${missing.name}` } as const;
  const inputs = mapInputs(node, (input) => artifactOf(planned, input));
  const same = yield* store.byContent(keyOf(fieldsOf(node, inputs)));
  return same === undefined
    ? ({ node, recipe, status: "run", reason: "not made yet" } as const)
    : ({
        node,
        recipe,
        status: "cached",
        reason: "made before from equal inputs",
        hit: same,
        found: "content",
      } as const);
});

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

const recipeOf = (planned: ReadonlyMap<Node, PlannedNode>, node: Node): Digest => {
  const found = planned.get(node);
  if (found === undefined) throw new Error(`${node.name} is planned after what takes from it`);
  return found.recipe;
};

const artifactOf = (planned: ReadonlyMap<Node, PlannedNode>, node: Node): Digest => {
  const hit = planned.get(node)?.hit;
  if (hit === undefined) throw new Error(`${node.name} has no artifact yet`);
  return hit.artifact.digest;
};

const fieldsWith =
  (
    sources: ReadonlyMap<string, Digest>,
    environments: ReadonlyMap<ReadonlyArray<string>, string>,
    codes: ReadonlyMap<Stage, StageCode>,
  ): Plan["fieldsOf"] =>
  (node, inputs) => {
    const code = codes.get(node.stage);
    const named = node.stage.sources?.(node.params.decoded) ?? [];
    return {
      stage: node.stage.name,
      version: node.stage.version,
      ...(code === undefined || code.recorded ? {} : { code: code.digest }),
      params: node.params.key,
      inputs,
      ...(named.length === 0
        ? {}
        : { sources: Object.fromEntries(named.map((name) => [name, sources.get(name) ?? ""])) }),
      ...(node.stage.environment === undefined
        ? {}
        : { environment: environments.get(node.stage.environment) ?? "" }),
    };
  };

/** The code of every stage that some node is of. */
const identifyCode = (graph: Graph) =>
  Effect.try({
    try: () => new Map(graph.nodes.map(({ stage }) => [stage, codeOf(stage)])),
    catch: (error) => error as UnknownCode,
  });

/** The identity of every Python environment that some node runs in, by its lock files. */
const identifyEnvironments = Effect.fnUntraced(function* (graph: Graph) {
  const identities = new Map<ReadonlyArray<string>, string>();
  for (const { stage } of graph.nodes) {
    if (stage.environment === undefined || identities.has(stage.environment)) continue;
    const python = yield* PythonEnvironment;
    identities.set(stage.environment, yield* python.identity(stage.environment));
  }
  return identities;
});
