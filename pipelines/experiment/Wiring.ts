/** Wiring of an experiment's stages: which input comes from which stage, in topological order, along which axes. */
import { type Diagnostic, unknownName } from "../../schemas/Diagnostic.ts";
import type { StageSpec } from "../../schemas/Experiment.ts";
import type { Stage } from "../../stages/Stage.ts";
import { type Axis, mentionedAxes } from "./Axes.ts";
import { InputReader } from "./InputReader.ts";
import { entryOf, type Located, placeAt, valueAt } from "./Located.ts";
import { type Place, spanOf } from "./Source.ts";
import type { WiredStage } from "./WiredStage.ts";
import { cycleDiagnostic, stageOrder } from "./stageOrder.ts";

interface Wiring {
  /** In topological order. */
  readonly stages: ReadonlyArray<WiredStage>;
  readonly diagnostics: ReadonlyArray<Diagnostic>;
}

/** `specs` are the stages that decode. */
export const wire = (
  specs: ReadonlyMap<string, StageSpec>,
  experiment: Located,
  axes: ReadonlyArray<Axis>,
  registry: ReadonlyMap<string, Stage>,
): Wiring => {
  const located = entryOf(experiment, "stages")?.value;
  const stageNames = new Set(located?.kind === "map" ? located.entries.map(({ key }) => key) : []);
  const { order, cycles } = stageOrder(specs);
  const diagnostics = cycles.map((cycle) => cycleDiagnostic(cycle, experiment));
  const stages = new Map<string, WiredStage>();
  for (const name of order) {
    const spec = specs.get(name);
    if (spec === undefined) continue;
    const stage = registry.get(spec.use);
    if (stage === undefined) {
      const at = spanOf(placeAt(experiment, ["stages", name, "use"]));
      diagnostics.push(unknownName("stage", spec.use, [...registry.keys()], at));
      continue;
    }
    const at = placeAt(experiment, ["stages", name], { onKey: true });
    const params = valueAt(experiment, ["stages", name, "with"]) ?? emptyMap(at);
    const mentions = mentionedAxes(params, axes);
    const inputs = new InputReader({ name, spec, stage }, { experiment, stageNames, stages });
    const wires = inputs.read();
    diagnostics.push(...mentions.diagnostics, ...inputs.diagnostics);
    if ((spec.resources?.nodes ?? 1) > 1 && stage.onSeveralNodes !== true)
      diagnostics.push(runsOnOneNode(name, stage, experiment));
    const own = new Set([
      ...mentions.axes,
      ...wires.flatMap(({ from, over }) =>
        (stages.get(from)?.axes ?? []).filter((axis) => over?.includes(axis) !== true),
      ),
    ]);
    stages.set(name, {
      name,
      stage,
      spec,
      params,
      paramAxes: mentions.axes,
      wires,
      axes: axes.filter((axis) => own.has(axis)),
      isUncertain: inputs.isUncertain,
      at,
    });
  }
  return { stages: [...stages.values()], diagnostics };
};

const emptyMap = (at: Place): Located => ({ kind: "map", entries: [], at, weight: 1 });

/** Its program would do the same work on each of several nodes. */
const runsOnOneNode = (name: string, stage: Stage, experiment: Located): Diagnostic => ({
  message: `\`${name}\` asks for several nodes; the stage \`${stage.name}\` runs on one`,
  at: spanOf(placeAt(experiment, ["stages", name, "resources", "nodes"])),
  expected: "no `nodes`, or a `command` that starts a trainer on several nodes",
});
