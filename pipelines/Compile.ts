/** From an experiment's text to its nodes: each stage at each point of the axes it depends on. Pure. */
import { Duration, Exit, Option, Schema } from "effect";
import type { Diagnostic } from "../schemas/Diagnostic.ts";
import type { Json } from "../schemas/Digest.ts";
import { Experiment, StageSpec } from "../schemas/Experiment.ts";
import { modestResources, type Resources, type Stage, type Surroundings } from "../stages/Stage.ts";
import {
  type Axis,
  indexOfPoint,
  labelsOf,
  type Point,
  pointsOf,
  project,
  readAxes,
  substitute,
} from "./Axes.ts";
import { diagnose } from "./diagnose.ts";
import { applyOverrides, type Overrides } from "./Overrides.ts";
import { type CheckedParams, paramsChecker } from "./Params.ts";
import {
  entryOf,
  type Located,
  parseSource,
  type Place,
  placeAt,
  type Source,
  spanOf,
  toJson,
} from "./Source.ts";
import { type Wire, type WiredStage, wire } from "./Wiring.ts";

export type Labels = Readonly<Record<string, string>>;

/** A node's input: another node, or the elements of a fan-in with their labels. */
export type NodeInput = Node | ReadonlyArray<{ readonly labels: Labels; readonly node: Node }>;

/** A stage placed in an experiment at one point of its axes. */
export interface Node {
  /** As a person reads it: `model[loss=token,seed=0]`. */
  readonly name: string;
  readonly stageName: string;
  readonly stage: Stage;
  readonly labels: Labels;
  readonly params: CheckedParams;
  readonly inputs: Readonly<Record<string, NodeInput>>;
  readonly resources: Resources;
  readonly retry: RetryPolicy;
  readonly at: Place;
}

/** How often a node is tried again when the machinery failed it, and when that is so. */
export interface RetryPolicy {
  readonly times: number;
  /** Before the first further try; doubled each time. */
  readonly wait: Duration.Duration;
  /** Exit codes by which a program says that the machinery failed. */
  readonly exitCodes: ReadonlyArray<number>;
}

export interface Graph {
  readonly name: string;
  /** Every node after the nodes it takes from. */
  readonly nodes: ReadonlyArray<Node>;
}

interface Compiled {
  readonly graph?: Graph;
  readonly diagnostics: ReadonlyArray<Diagnostic>;
}

/** A person mends a hundred errors before reading the next hundred. */
const mostDiagnostics = 100;

/** All that is wrong with the experiment, or its graph. */
export const compile = (
  source: Source,
  overrides: Overrides,
  registry: ReadonlyMap<string, Stage>,
): Compiled => {
  const parsed = parseSource(source);
  if (parsed.value === undefined) return { diagnostics: tidy(parsed.diagnostics) };
  const edited = applyOverrides(parsed.value, overrides);
  const compiled = compileLocated(edited.value, registry);
  const diagnostics = [...parsed.diagnostics, ...edited.diagnostics, ...compiled.diagnostics];
  return diagnostics.length > 0 ? { diagnostics: tidy(diagnostics) } : compiled;
};

const options = { errors: "all", onExcessProperty: "error" } as const;
// Without a list of what is wrong decoding is several times faster, and mostly nothing is.
const decodeExperiment = Schema.decodeUnknownOption(Experiment, options);
const explainExperiment = Schema.decodeUnknownExit(Experiment, options);
const decodeStage = Schema.decodeUnknownOption(StageSpec, options);

const compileLocated = (located: Located, registry: ReadonlyMap<string, Stage>): Compiled => {
  const json = toJson(located);
  const shape = decodeExperiment(json);
  const diagnostics = Option.isSome(shape) ? [] : [...shapeDiagnostics(json, located)];
  const axes = readAxes(entryOf(located, "axes")?.value);
  const wiring = wire(soundStages(located), located, axes.axes, registry);
  diagnostics.push(...axes.diagnostics, ...wiring.diagnostics);

  const nodes = new Map<string, ReadonlyArray<Node>>();
  const upstreams = new Map(wiring.stages.map((stage) => [stage.name, stage]));
  for (const stage of wiring.stages) {
    const checked = checkEveryParams(stage, upstreams);
    diagnostics.push(...checked.diagnostics);
    if (diagnostics.length === 0)
      nodes.set(stage.name, expand(stage, checked.params, nodes, upstreams));
  }
  if (diagnostics.length > 0 || Option.isNone(shape)) return { diagnostics };
  const all = [...nodes.values()].flat();
  const unsuited = all.flatMap(unsuitedInputs);
  return unsuited.length > 0
    ? { diagnostics: unsuited }
    : { graph: { name: shape.value.name, nodes: all }, diagnostics };
};

/** What is wrong with a node's params beside those of the nodes that it takes from. */
const unsuitedInputs = (node: Node): ReadonlyArray<Diagnostic> => {
  const declared = node.stage.inputs;
  if (declared === "any") return [];
  return Object.entries(declared).flatMap(([input, { check }]) => {
    const from = node.inputs[input];
    if (check === undefined || from === undefined || !("stage" in from)) return [];
    const upstream = { name: from.name, stage: from.stage.name, params: from.params.decoded };
    return check(node.params.decoded, upstream).map(({ path, message, expected }) => ({
      message,
      at: spanOf(placeAt(node.params.written, path)),
      expected,
    }));
  });
};

const shapeDiagnostics = (json: Json, located: Located): ReadonlyArray<Diagnostic> => {
  const exit = explainExperiment(json);
  const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined;
  return reason?._tag === "Fail" ? diagnose(reason.error.issue, located, "the experiment") : [];
};

/** The stages whose own shape is right: what is wrong elsewhere must not hide what is wrong in them. */
const soundStages = (located: Located): ReadonlyMap<string, StageSpec> => {
  const stages = entryOf(located, "stages")?.value;
  const entries = stages?.kind === "map" ? stages.entries : [];
  return new Map(
    entries.flatMap(({ key, value }) => {
      const spec = decodeStage(toJson(value));
      return spec._tag === "Some" ? [[key, spec.value] as const] : [];
    }),
  );
};

interface EveryParams {
  /** By the point on the axes that the params mention. */
  readonly params: ReadonlyArray<CheckedParams>;
  readonly diagnostics: ReadonlyArray<Diagnostic>;
}

/** Params are checked once for each point of the axes that they mention, which are often fewer than the stage's. */
const checkEveryParams = (
  stage: WiredStage,
  upstreams: ReadonlyMap<string, WiredStage>,
): EveryParams => {
  const count = stage.axes.reduce((product, axis) => product * axis.values.length, 1);
  if (count > mostPoints) return { params: [], diagnostics: [tooManyPoints(stage, count)] };
  const check = paramsChecker(
    stage.stage,
    `stage \`${stage.name}\``,
    stage.uncertain ? undefined : surroundings(stage, upstreams),
  );
  const params: Array<CheckedParams> = [];
  const diagnostics: Array<Diagnostic> = [];
  for (const point of pointsOf(stage.mentioned)) {
    const checked = check(substitute(stage.params, stage.mentioned, point), stage.at);
    if (checked.params !== undefined) params.push(checked.params);
    diagnostics.push(...checked.diagnostics);
    if (diagnostics.length > mostDiagnostics) break;
  }
  return { params, diagnostics };
};

const surroundings = (
  { wires }: WiredStage,
  upstreams: ReadonlyMap<string, WiredStage>,
): Surroundings => ({
  inputs: wires.map((each) => each.input),
  axes: wires.flatMap((each) =>
    each.over === undefined ? [] : (upstreams.get(each.from)?.axes ?? []).map(({ name }) => name),
  ),
});

/** More would not fit into memory; nobody means them. */
const mostPoints = 200_000;

const tooManyPoints = ({ name, axes, at }: WiredStage, count: number): Diagnostic => ({
  message: `\`${name}\` would have ${count.toLocaleString("en")} points: ${axes.map((axis) => `${axis.values.length} ${axis.name}`).join(" × ")}`,
  at: spanOf(at),
  expected: `at most ${mostPoints.toLocaleString("en")}`,
});

const expand = (
  stage: WiredStage,
  params: ReadonlyArray<CheckedParams>,
  nodes: ReadonlyMap<string, ReadonlyArray<Node>>,
  upstreams: ReadonlyMap<string, WiredStage>,
): ReadonlyArray<Node> => {
  const resources = { ...modestResources, ...stage.spec.resources };
  const {
    times = 2,
    wait = Duration.seconds(1),
    exit_codes: exitCodes = [],
  } = stage.spec.retry ?? {};
  const retry = { times, wait, exitCodes };
  return pointsOf(stage.axes).map((point) => {
    const labels = labelsOf(stage.axes, point);
    const own = params[indexOfPoint(stage.mentioned, project(stage.axes, point, stage.mentioned))];
    if (own === undefined)
      throw new Error(`${stage.name} has no params at ${JSON.stringify(labels)}`);
    const inputs = Object.fromEntries(
      stage.wires.map((each) => {
        const upstream = upstreams.get(each.from);
        const made = nodes.get(each.from);
        if (upstream === undefined || made === undefined)
          throw new Error(`${each.from} comes after ${stage.name}`);
        return [each.input, inputAt(each, stage, point, upstream, made)];
      }),
    );
    return {
      name: nodeName(stage.name, labels),
      stageName: stage.name,
      stage: stage.stage,
      labels,
      params: own,
      inputs,
      resources,
      retry,
      at: stage.at,
    };
  });
};

const inputAt = (
  wire: Wire,
  stage: WiredStage,
  point: Point,
  upstream: WiredStage,
  made: ReadonlyArray<Node>,
): NodeInput => {
  const nodeAt = (at: Point): Node => {
    const node = made[indexOfPoint(upstream.axes, at)];
    if (node === undefined) throw new Error(`${upstream.name} lacks a point`);
    return node;
  };
  const { over } = wire;
  if (over === undefined) return nodeAt(project(stage.axes, point, upstream.axes));
  return pointsOf(over).map((inner) => {
    const at = upstream.axes.map((axis: Axis) => {
      const position = over.indexOf(axis);
      return (position === -1 ? point[stage.axes.indexOf(axis)] : inner[position]) ?? 0;
    });
    const node = nodeAt(at);
    return { labels: node.labels, node };
  });
};

const nodeName = (stageName: string, labels: Labels): string => {
  // A label with a comma could read as two, and two nodes must never share a name.
  const shown = (label: string) => (/[,"]/u.test(label) ? JSON.stringify(label) : label);
  const point = Object.entries(labels).map(([axis, label]) => `${axis}=${shown(label)}`);
  return point.length === 0 ? stageName : `${stageName}[${point.join(",")}]`;
};

/** In the order of the file, each once; of several about one place the first said, which is the cause of the others. */
const tidy = (diagnostics: ReadonlyArray<Diagnostic>): ReadonlyArray<Diagnostic> => {
  const placeOf = ({ at, message }: Diagnostic) =>
    at === undefined ? message : `${at.file}:${at.line}:${at.col}:${at.length}:${at.text}`;
  const first = new Map<string, Diagnostic>();
  for (const diagnostic of diagnostics) {
    if (!first.has(placeOf(diagnostic))) first.set(placeOf(diagnostic), diagnostic);
  }
  const order = ({ at }: Diagnostic) => (at === undefined ? 0 : at.line * 1e6 + at.col);
  return [...first.values()]
    .sort((one, other) => order(one) - order(other))
    .slice(0, mostDiagnostics);
};
