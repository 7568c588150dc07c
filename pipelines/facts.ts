/** What a node's keys hold apart from its inputs: params, code, local files, environments. Gathered once for a graph. */
import { Effect } from "effect";
import { PythonEnvironment } from "../executors/PythonEnvironment.ts";
import type { Digest } from "../schemas/Digest.ts";
import type { UnknownCode } from "../stages/code/SourceModule.ts";
import { codeOf, type StageCode } from "../stages/codeIdentity.ts";
import type { Stage } from "../stages/Stage.ts";
import type { Graph, Node } from "./Compile.ts";
import type { KeyFields } from "./Keys.ts";
import { digestSources } from "./localFiles.ts";

/** The fields of a node's key, with the inputs' identities given. */
export type FieldsOf = (node: Node, inputs: KeyFields["inputs"]) => KeyFields;

export const gatherFacts = Effect.fnUntraced(function* (graph: Graph, project: string) {
  const { digests, learned } = yield* digestSources(graph, project);
  const environments = yield* identifyEnvironments(graph);
  const codes = yield* identifyCode(graph);
  return { fieldsOf: fieldsWith(digests, environments, codes), learned };
});

const fieldsWith =
  (
    sources: ReadonlyMap<string, Digest>,
    environments: ReadonlyMap<ReadonlyArray<string>, string>,
    codes: ReadonlyMap<Stage, StageCode>,
  ): FieldsOf =>
  (node, inputs) => {
    const { stage, params } = node;
    const code = codes.get(stage);
    const named = stage.sources?.(params.decoded) ?? [];
    return {
      stage: stage.name,
      version: stage.version,
      ...(code === undefined || code.recorded ? {} : { code: code.digest }),
      params: params.key,
      inputs,
      ...(named.length === 0
        ? {}
        : { sources: Object.fromEntries(named.map((name) => [name, sources.get(name) ?? ""])) }),
      ...(stage.environment === undefined
        ? {}
        : { environment: environments.get(stage.environment) ?? "" }),
    };
  };

const stagesOf = (graph: Graph): ReadonlySet<Stage> =>
  new Set(graph.nodes.map(({ stage }) => stage));

/** The code of every stage that some node is of. */
const identifyCode = (graph: Graph) =>
  Effect.try({
    try: () => new Map([...stagesOf(graph)].map((stage) => [stage, codeOf(stage)])),
    catch: (error) => error as UnknownCode,
  });

/** The identity of every Python environment that some node runs in, by its lock files. */
const identifyEnvironments = Effect.fnUntraced(function* (graph: Graph) {
  const identities = new Map<ReadonlyArray<string>, string>();
  for (const { environment } of stagesOf(graph)) {
    if (environment === undefined || identities.has(environment)) continue;
    const python = yield* PythonEnvironment;
    identities.set(environment, yield* python.identity(environment));
  }
  return identities;
});
