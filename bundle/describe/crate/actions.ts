/** The run in the Provenance Run Crate profile: steps, their tools, and an action for each node. */
import { canonicalJson, digestJson, type Json, shortDigest } from "../../../schemas/Digest.ts";
import { inputDigests, type RecordedParts } from "../../../schemas/KeyParts.ts";
import type { BundleNode, BundleRun } from "../../format/format.ts";
import { groupBy } from "../../../stats/groupBy.ts";
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
import { flagsOf } from "../../../schemas/Overrides.ts";

export interface CrateActions {
  readonly entities: ReadonlyArray<Entity>;
  readonly steps: ReadonlyArray<string>;
  readonly tools: ReadonlyArray<string>;
  /** The run first, then the nodes. */
  readonly actions: ReadonlyArray<string>;
}

interface CrateIds {
  readonly artifactId: (digest: string) => string;
  /** The id of the file that declares a stage. */
  readonly sourceOf: (stage: string) => string;
}

const completed = "http://schema.org/CompletedActionStatus";
const failed = "http://schema.org/FailedActionStatus";

export const crateActions = (run: BundleRun, ids: CrateIds): CrateActions => {
  const unmade = run.unmade.length;
  const steps = [...new Map(run.nodes.map((node) => [node.stageName, node])).values()];
  const tools = [...groupBy(run.nodes, ({ stage }) => stage)];
  const overrides = flagsOf(run.overrides).map(overrideEntity);
  const values = new Map(
    run.nodes.flatMap(valuesOf).map((value) => [value["@id"], value] as const),
  );
  const status = {
    actionStatus: reference(unmade === 0 ? completed : failed),
    ...(unmade === 0 ? {} : { error: `${unmade} nodes of the plan have no result` }),
  };
  const entities: ReadonlyArray<Entity> = [
    ...steps.map((node, index) => stepEntity(node, index + 1)),
    ...tools.flatMap(([stage, nodes]) => toolEntities(stage, nodes, ids)),
    ...overrides,
    ...values.values(),
    ...run.nodes.flatMap((node) => [
      nodeAction(node, ids),
      {
        "@id": controlId(node.node),
        "@type": "ControlAction",
        name: node.node,
        instrument: reference(stepId(node.stageName)),
        object: reference(actionId(node.node)),
        actionStatus: reference(completed),
      },
    ]),
    {
      "@id": runId,
      "@type": "CreateAction",
      name: run.experiment,
      instrument: reference(experimentId),
      object: references(overrides.map((override) => override["@id"])),
      result: references(new Set(finalArtifacts(run).map(ids.artifactId))),
      ...status,
    },
    {
      "@id": "#orchestration",
      "@type": "OrganizeAction",
      name: run.experiment,
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

/** The program of a stage with its parameters and output. */
const toolEntities = (
  stage: string,
  nodes: ReadonlyArray<BundleNode>,
  { sourceOf }: CrateIds,
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

const nodeAction = (node: BundleNode, { artifactId }: CrateIds): Entity => ({
  "@id": actionId(node.node),
  "@type": "CreateAction",
  name: node.node,
  identifier: node.content,
  ...(node.resumedFrom === undefined
    ? {}
    : { description: `Resumed from the checkpoint of step ${node.resumedFrom}.` }),
  instrument: reference(toolId(node.stage)),
  object: references([
    ...new Set(inputDigests(node.keyParts).map(artifactId)),
    ...valuesOf(node).map((value) => value["@id"]),
  ]),
  result: reference(artifactId(node.artifact)),
  actionStatus: reference(completed),
});

/** The fields of a key that a crate lists. */
interface CrateKey extends Partial<RecordedParts> {
  readonly params?: { readonly [name: string]: Json };
  readonly inputs: RecordedParts["inputs"];
}

const keyOf = ({ keyParts }: BundleNode): CrateKey => ({
  inputs: {},
  ...(keyParts as Partial<CrateKey>),
});

/** The fields of a key that are not inputs. */
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

/** Artifacts that are no node's input. */
const finalArtifacts = (run: BundleRun): ReadonlyArray<string> => {
  const inputs = new Set(run.nodes.flatMap(({ keyParts }) => inputDigests(keyParts)));
  return run.nodes.map(({ artifact }) => artifact).filter((artifact) => !inputs.has(artifact));
};

const overrideEntity = ([flag, value]: readonly [string, string], index: number): Entity => ({
  "@id": `#override/${index + 1}`,
  "@type": "PropertyValue",
  name: "command line",
  value: `${flag} ${value}`,
});
