/** Compiles an experiment's text into its graph: each stage at each point of the axes it depends on. Pure. */
import { Exit, Option, Schema } from "effect";
import type { Diagnostic } from "../../schemas/Diagnostic.ts";
import type { Json } from "../../schemas/Digest.ts";
import { Experiment, StageSpec } from "../../schemas/Experiment.ts";
import type { Stage, Surroundings, Upstream } from "../../stages/Stage.ts";
import { pointsOf, readAxes, substitution } from "./Axes.ts";
import { diagnose } from "./diagnose.ts";
import { elementsOf, type Graph, isFanIn, type Node } from "./Node.ts";
import { type ExpandedStage, type ExpandedStages, nodesOfStage } from "./nodesOfStage.ts";
import { applyOverrides, type SpecEdits } from "./Overrides.ts";
import { type CheckedParams, paramsChecker } from "./Params.ts";
import { entryOf, type Located, placeAt, toJson } from "./Located.ts";
import { parseSource } from "./parseSource.ts";
import { type Source, spanOf } from "./Source.ts";
import { unreadInputs } from "./unreadInputs.ts";
import { unusedAxes } from "./unusedAxes.ts";
import type { WiredStage } from "./WiredStage.ts";
import { wire } from "./Wiring.ts";

interface Compiled {
  /** With diagnostics, the graph of an experiment that is refused and that earlier versions ran, so that its runs can be read. */
  readonly graph?: Graph;
  readonly diagnostics: ReadonlyArray<Diagnostic>;
}

/** Nobody reads more before fixing these. */
const mostDiagnostics = 100;

/** The graph of a valid experiment, or every diagnostic at once. */
export const compile = (
  source: Source,
  edits: SpecEdits,
  registry: ReadonlyMap<string, Stage>,
): Compiled => {
  const parsed = parseSource(source);
  if (parsed.value === undefined) return { diagnostics: tidy(parsed.diagnostics) };
  const edited = applyOverrides(parsed.value, edits);
  const compiled = compileLocated(edited.value, parsed.value, registry);
  const ofText = [...parsed.diagnostics, ...edited.diagnostics];
  const diagnostics = tidy([...ofText, ...compiled.diagnostics]);
  return ofText.length > 0 ? { diagnostics } : { ...compiled, diagnostics };
};

const options = { errors: "all", onExcessProperty: "error" } as const;
// Decoding to an option is several times faster than collecting issues, and most experiments have none.
const decodeExperiment = Schema.decodeUnknownOption(Experiment, options);
const explainExperiment = Schema.decodeUnknownExit(Experiment, options);
const decodeStage = Schema.decodeUnknownOption(StageSpec, options);

const compileLocated = (
  located: Located,
  written: Located,
  registry: ReadonlyMap<string, Stage>,
): Compiled => {
  const json = toJson(located);
  const shape = decodeExperiment(json);
  const diagnostics = Option.isSome(shape) ? [] : [...shapeDiagnostics(json, located)];
  const axes = readAxes(entryOf(located, "axes")?.value);
  const wiring = wire(decodedStages(located), located, axes.axes, registry);
  const unused = unusedAxes(located, written, axes.axes, wiring.stages);
  diagnostics.push(...axes.diagnostics, ...wiring.diagnostics, ...unused);

  const expanded = new Map<string, ExpandedStage>();
  for (const stage of wiring.stages) {
    const checked = checkParams(stage, expanded);
    diagnostics.push(...checked.diagnostics);
    const nodes = diagnostics.length > 0 ? [] : nodesOfStage(stage, checked.params, expanded);
    expanded.set(stage.name, { stage, nodes });
  }
  if (diagnostics.length > 0 || Option.isNone(shape)) return { diagnostics };
  const nodes = [...expanded.values()].flatMap((stage) => stage.nodes);
  const mismatches = nodes.flatMap(inputMismatches);
  const unread = unreadInputs(located, written, expanded.values());
  if (mismatches.length > 0) return { diagnostics: [...mismatches, ...unread] };
  const overridden = axes.axes.filter(({ isOverridden }) => isOverridden);
  const overriddenAxes = new Set(overridden.map(({ name }) => name));
  const graph = { name: shape.value.name, nodes, overriddenAxes };
  return { graph, diagnostics: unread };
};

/** Params of a node that do not go together with the params of its inputs. */
const inputMismatches = (node: Node): ReadonlyArray<Diagnostic> => {
  const declared = node.stage.inputs;
  if (declared === "any") return [];
  return Object.entries(declared).flatMap(([input, { check }]) => {
    const from = node.inputs[input];
    // The points of a fan-in are of one stage: the first stands for all.
    const first = from === undefined ? undefined : elementsOf(from)[0];
    if (check === undefined || first === undefined) return [];
    return check(node.params.decoded, upstreamNode(first)).map(({ path, message, expected }) => ({
      message,
      at: spanOf(placeAt(node.params.locate(), path)),
      expected,
    }));
  });
};

const upstreamNode = ({ name, stage, params, inputs }: Node): Upstream => ({
  name,
  stage: stage.name,
  params: params.decoded,
  input: (wanted) => {
    const from = inputs[wanted];
    return from === undefined || isFanIn(from) ? undefined : upstreamNode(from);
  },
});

const shapeDiagnostics = (json: Json, located: Located): ReadonlyArray<Diagnostic> => {
  const exit = explainExperiment(json);
  const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined;
  return reason?._tag === "Fail" ? diagnose(reason.error.issue, located, "the experiment") : [];
};

/** The stages that decode: an error in one stage must not hide the errors of the others. */
const decodedStages = (located: Located): ReadonlyMap<string, StageSpec> => {
  const stages = entryOf(located, "stages")?.value;
  const entries = stages?.kind === "map" ? stages.entries : [];
  return new Map(
    entries.flatMap(({ key, value }) => {
      const spec = decodeStage(toJson(value));
      return spec._tag === "Some" ? [[key, spec.value] as const] : [];
    }),
  );
};

/** A stage's params are checked once for each point of the axes that they mention, mostly fewer than the stage's points. */
const checkParams = (stage: WiredStage, upstreams: ExpandedStages) => {
  const params: Array<CheckedParams> = [];
  const diagnostics: Array<Diagnostic> = [];
  const count = stage.axes.reduce((product, axis) => product * axis.values.length, 1);
  if (count > mostPoints) return { params, diagnostics: [tooManyPoints(stage, count)] };
  const check = paramsChecker(
    stage.stage,
    `stage \`${stage.name}\``,
    stage.isUncertain ? undefined : surroundings(stage, upstreams),
  );
  const paramsAt = substitution(stage.params, stage.paramAxes);
  for (const point of pointsOf(stage.paramAxes)) {
    const checked = check(() => paramsAt(point), stage.at);
    if (checked.params !== undefined) params.push(checked.params);
    diagnostics.push(...checked.diagnostics);
    if (diagnostics.length > mostDiagnostics) break;
  }
  return { params, diagnostics };
};

const surroundings = ({ wires }: WiredStage, upstreams: ExpandedStages): Surroundings => {
  const axes = wires.flatMap(({ from, over }) =>
    over === undefined ? [] : (upstreams.get(from)?.stage.axes ?? []),
  );
  return {
    inputs: wires.map(({ input }) => input),
    axes: axes.map(({ name }) => name),
    labels: Object.fromEntries(
      axes.map(({ name, values }) => [name, values.map(({ label }) => label)]),
    ),
    overridden: axes.flatMap(({ name, isOverridden }) => (isOverridden ? [name] : [])),
  };
};

/** A larger graph would not fit into memory. */
const mostPoints = 200_000;

const tooManyPoints = ({ name, axes, at }: WiredStage, count: number): Diagnostic => ({
  message: `\`${name}\` would have ${count.toLocaleString("en")} points: ${axes.map((axis) => `${axis.values.length} ${axis.name}`).join(" × ")}`,
  at: spanOf(at),
  expected: `at most ${mostPoints.toLocaleString("en")}`,
});

/** Sorts by place and keeps the first diagnostic of each place, since it causes the others. */
const tidy = (diagnostics: ReadonlyArray<Diagnostic>): ReadonlyArray<Diagnostic> => {
  const placeKey = ({ at, message }: Diagnostic) =>
    at === undefined ? message : `${at.file}:${at.line}:${at.col}:${at.length}:${at.text}`;
  const first = new Map<string, Diagnostic>();
  for (const diagnostic of diagnostics) {
    if (!first.has(placeKey(diagnostic))) first.set(placeKey(diagnostic), diagnostic);
  }
  const order = ({ at }: Diagnostic) => (at === undefined ? 0 : at.line * 1e6 + at.col);
  return [...first.values()]
    .sort((one, other) => order(one) - order(other))
    .slice(0, mostDiagnostics);
};
