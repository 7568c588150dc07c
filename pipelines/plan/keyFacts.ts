/** The key fields of nodes apart from inputs: params, code, local files, environments. Collected once for a graph. */
import { Effect } from "effect";
import type { EnvironmentSpec } from "../../executors/EnvironmentSpec.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import type { Digest } from "../../schemas/Digest.ts";
import type { UnknownCode } from "../../stages/code/SourceModule.ts";
import { codeOf, type StageCode } from "../../stages/codeIdentity.ts";
import type { Stage } from "../../stages/Stage.ts";
import type { Graph, Node } from "../experiment/Node.ts";
import type { KeyFields } from "./Keys.ts";
import { digestSources } from "./localFiles.ts";

/** The fields of a node's key, given the identities of its inputs. */
export type FieldsOf = (node: Node, inputs: KeyFields["inputs"]) => KeyFields;

export const collectKeyFacts = Effect.fnUntraced(function* (graph: Graph, project: string) {
  const { digests, ignored, learned } = yield* digestSources(graph, project);
  const environments = yield* identifyEnvironments(graph);
  const codes = yield* identifyCode(graph);
  return { fieldsOf: fieldsWith(digests, environments, codes), ignored, learned };
});

const fieldsWith =
  (
    sources: ReadonlyMap<string, Digest>,
    environments: ReadonlyMap<EnvironmentSpec, string>,
    codes: ReadonlyMap<Stage, StageCode>,
  ): FieldsOf =>
  (node, inputs) => {
    const { stage, params } = node;
    const code = codes.get(stage);
    const environment = environmentOf(node);
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
      ...(environment === undefined ? {} : { environment: environments.get(environment) ?? "" }),
    };
  };

const stagesOf = (graph: Graph): ReadonlySet<Stage> =>
  new Set(graph.nodes.map(({ stage }) => stage));

const identifyCode = (graph: Graph) =>
  Effect.try({
    try: () => new Map([...stagesOf(graph)].map((stage) => [stage, codeOf(stage)])),
    catch: (error) => error as UnknownCode,
  });

const environmentOf = ({ stage, params }: Node): EnvironmentSpec | undefined =>
  stage.environment?.(params.decoded);

/** Identities of Python environments. */
const identifyEnvironments = Effect.fnUntraced(function* (graph: Graph) {
  const identities = new Map<EnvironmentSpec, string>();
  for (const environment of graph.nodes.map(environmentOf)) {
    if (environment === undefined || identities.has(environment)) continue;
    const python = yield* PythonEnvironment;
    identities.set(environment, yield* python.identity(environment));
  }
  return identities;
});
