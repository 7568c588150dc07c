/** What happened, as the Provenance Run Crate profile tells it: steps, the tools behind them, and an action for each node. */
import { canonicalJson, digestJson, type Json, shortDigest } from "../../schemas/Digest.ts";
import { inputDigests, type RecordedParts } from "../../schemas/KeyParts.ts";
import type { BundleNode, BundleRun } from "../format.ts";
import { grouped } from "../grouped.ts";
import {
  actionId,
  engineId,
  type Entity,
  experimentId,
  inId,
  reference,
  references,
  runId,
  toolId,
} from "./Entity.ts";

export interface CrateActions {
  readonly entities: ReadonlyArray<Entity>;
  readonly steps: ReadonlyArray<string>;
  readonly tools: ReadonlyArray<string>;
  /** Of all that was done, the run itself first. */
  readonly actions: ReadonlyArray<string>;
}

interface Surroundings {
  readonly artifactId: (digest: string) => string;
  /** Where a stage is declared. */
  readonly sourceOf: (stage: string) => string;
}

const completed = "http://schema.org/CompletedActionStatus";
const failed = "http://schema.org/FailedActionStatus";

export const crateActions = (run: BundleRun, surroundings: Surroundings): CrateActions => {
  const unmade = run.unmade.length;
  const steps = [...new Map(run.nodes.map((node) => [node.stageName, node])).values()];
  const tools = [...grouped(run.nodes, ({ stage }) => stage)];
  const overrides = run.overrides.map(overrideEntity);
  const values = new Map(
    run.nodes.flatMap(valuesOf).map((value) => [value["@id"], value] as const),
  );
  const status = {
    actionStatus: reference(unmade === 0 ? completed : failed),
    ...(unmade === 0 ? {} : { error: `${unmade} nodes of the plan were not made` }),
  };
  const entities: ReadonlyArray<Entity> = [
    ...steps.map((node, index) => stepEntity(node, index + 1)),
    ...tools.flatMap(([stage, nodes]) => toolEntities(stage, nodes, surroundings)),
    ...overrides,
    ...values.values(),
    ...run.nodes.flatMap((node) => [
      nodeAction(node, surroundings),
      {
        "@id": controlId(node.node),
        "@type": "ControlAction",
        name: `ran ${node.node}`,
        instrument: reference(stepId(node.stageName)),
        object: reference(actionId(node.node)),
        actionStatus: reference(completed),
      },
    ]),
    {
      "@id": runId,
      "@type": "CreateAction",
      name: `a run of ${run.experiment}`,
      instrument: reference(experimentId),
      object: references(overrides.map((override) => override["@id"])),
      result: references(new Set(finalArtifacts(run).map(surroundings.artifactId))),
      ...status,
    },
    {
      "@id": "#orchestration",
      "@type": "OrganizeAction",
      name: `pipe ran ${run.experiment}`,
      instrument: reference(engineId),
      object: references(run.nodes.map(({ node }) => controlId(node))),
      result: reference(runId),
      ...status,
    },
  ];
  return {
    entities,
    steps: steps.map(({ stageName }) => stepId(stageName)),
    tools: tools.map(([stage]) => toolId(stage)),
    actions: [runId, ...run.nodes.map(({ node }) => actionId(node))],
  };
};

const stepId = (stageName: string): string => `#step/${inId(stageName)}`;
const controlId = (node: string): string => `#control/${inId(node)}`;
const inputId = (stage: string, name: string): string => `${toolId(stage)}/in/${inId(name)}`;
const outputId = (stage: string): string => `${toolId(stage)}/out`;

const stepEntity = ({ stageName, stage }: BundleNode, position: number): Entity => ({
  "@id": stepId(stageName),
  "@type": "HowToStep",
  name: stageName,
  position: String(position),
  workExample: reference(toolId(stage)),
});

/** The program of a stage, and what it takes and gives. */
const toolEntities = (
  stage: string,
  nodes: ReadonlyArray<BundleNode>,
  { sourceOf }: Surroundings,
): ReadonlyArray<Entity> => {
  const inputs = new Set(nodes.flatMap((node) => Object.keys(keyOf(node).inputs)));
  const values = new Set(nodes.flatMap((node) => Object.keys(settings(node))));
  const parameters = [
    ...[...inputs].toSorted().map((name) => parameter(inputId(stage, name), name, "Dataset")),
    ...[...values].toSorted().map((name) => parameter(inputId(stage, name), name, "PropertyValue")),
  ];
  const version = nodes.map((node) => keyOf(node).version ?? "unknown")[0] ?? "unknown";
  return [
    {
      "@id": toolId(stage),
      "@type": "SoftwareApplication",
      name: stage,
      version: String(version),
      url: reference(sourceOf(stage)),
      ...(parameters.length === 0
        ? {}
        : { input: references(parameters.map((one) => one["@id"])) }),
      output: reference(outputId(stage)),
    },
    ...parameters,
    parameter(outputId(stage), "out", "Dataset"),
  ];
};

const parameter = (id: string, name: string, additionalType: string): Entity => ({
  "@id": id,
  "@type": "FormalParameter",
  name,
  additionalType,
});

const nodeAction = (node: BundleNode, { artifactId }: Surroundings): Entity => ({
  "@id": actionId(node.node),
  "@type": "CreateAction",
  name: node.node,
  identifier: node.content,
  ...(node.resumedFrom === undefined
    ? {}
    : { description: `Went on from the checkpoint of step ${node.resumedFrom}.` }),
  instrument: reference(toolId(node.stage)),
  object: references([
    ...new Set(inputDigests(node.keyParts).map(artifactId)),
    ...valuesOf(node).map((value) => value["@id"]),
  ]),
  result: reference(artifactId(node.artifact)),
  actionStatus: reference(completed),
});

/** What a key asks, so far as a crate tells it. */
interface Asked extends Partial<RecordedParts> {
  readonly params?: { readonly [name: string]: Json };
  readonly inputs: RecordedParts["inputs"];
}

const keyOf = ({ keyParts }: BundleNode): Asked => ({
  inputs: {},
  ...(keyParts as Partial<Asked>),
});

/** Everything in the key that is no artifact. */
const settings = (node: BundleNode): Readonly<Record<string, Json>> => {
  const { params, code, sources, environment } = keyOf(node);
  const beside = Object.entries({ code, sources, environment }).flatMap(([name, value]) =>
    value === undefined ? [] : [[`pipe:${name}`, value] as const],
  );
  return { ...params, ...Object.fromEntries(beside) };
};

const valuesOf = (node: BundleNode): ReadonlyArray<Entity> =>
  Object.entries(settings(node))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => ({
      "@id": `${inputId(node.stage, name)}/${shortDigest(digestJson(value))}`,
      "@type": "PropertyValue",
      name,
      value: typeof value === "object" ? canonicalJson(value) : value,
      exampleOfWork: reference(inputId(node.stage, name)),
    }));

/** What no node of the run has taken. */
const finalArtifacts = (run: BundleRun): ReadonlyArray<string> => {
  const taken = new Set(run.nodes.flatMap(({ keyParts }) => inputDigests(keyParts)));
  return run.nodes.map(({ artifact }) => artifact).filter((artifact) => !taken.has(artifact));
};

const overrideEntity = (override: string, index: number): Entity => ({
  "@id": `#override/${index + 1}`,
  "@type": "PropertyValue",
  name: "command line",
  value: override,
});
