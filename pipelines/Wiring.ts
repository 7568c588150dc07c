/** How the stages of an experiment hang together: which input comes from where, in which order, along which axes. */
import { type Diagnostic, unknownName } from "../schemas/Diagnostic.ts";
import type { StageSpec } from "../schemas/Experiment.ts";
import type { InputDeclaration, Stage } from "../stages/Stage.ts";
import { type Axis, mentionedAxes } from "./Axes.ts";
import { entryOf, type Located, type Place, placeAt, spanOf } from "./Source.ts";

/** One input: a stage of the experiment, point by point or, for a fan-in, all its points along `over`. */
export interface Wire {
  readonly input: string;
  readonly from: string;
  readonly over?: ReadonlyArray<Axis>;
}

export interface WiredStage {
  readonly name: string;
  readonly stage: Stage;
  readonly spec: StageSpec;
  readonly params: Located;
  readonly mentioned: ReadonlyArray<Axis>;
  readonly wires: ReadonlyArray<Wire>;
  /** Every axis that the stage depends on, in the experiment's order. */
  readonly axes: ReadonlyArray<Axis>;
  /** Something above it is wrong, so its axes may not be all it will have. */
  readonly uncertain: boolean;
  readonly at: Place;
}

interface Wiring {
  /** In an order in which every stage comes after those it takes from. */
  readonly stages: ReadonlyArray<WiredStage>;
  readonly diagnostics: ReadonlyArray<Diagnostic>;
}

export const wire = (
  specs: ReadonlyMap<string, StageSpec>,
  located: Located,
  axes: ReadonlyArray<Axis>,
  registry: ReadonlyMap<string, Stage>,
): Wiring => {
  const diagnostics: Array<Diagnostic> = [];
  const stagesAt = entryOf(located, "stages")?.value;
  const names = new Set(stagesAt?.kind === "map" ? stagesAt.entries.map((entry) => entry.key) : []);
  const { order, cycles } = topologicalOrder(specs);
  for (const cycle of cycles) diagnostics.push(cycleDiagnostic(cycle, located));

  const wired = new Map<string, WiredStage>();
  const report = (found: ReadonlyArray<Diagnostic>) => diagnostics.push(...found);
  for (const name of order) {
    const spec = specs.get(name);
    const at = placeAt(located, ["stages", name], { onKey: true });
    if (spec === undefined) continue;
    const stage = registry.get(spec.use);
    if (stage === undefined) {
      const place = placeAt(located, ["stages", name, "use"]);
      report([unknownName("stage", spec.use, [...registry.keys()], spanOf(place))]);
      continue;
    }
    const params = entryOf(stageAt(located, name), "with")?.value ?? {
      kind: "map",
      entries: [],
      at,
      weight: 1,
    };
    const mentions = mentionedAxes(params, axes);
    report(mentions.diagnostics);
    const inputs = new InputReader(name, spec, stage, located, names, wired);
    const wires = inputs.read();
    report(inputs.diagnostics);
    const own = new Set(mentions.mentioned);
    for (const each of wires) {
      for (const axis of wired.get(each.from)?.axes ?? [])
        if (!each.over?.includes(axis)) own.add(axis);
    }
    wired.set(name, {
      name,
      stage,
      spec,
      params,
      mentioned: mentions.mentioned,
      wires,
      axes: axes.filter((axis) => own.has(axis)),
      uncertain: inputs.uncertain,
      at,
    });
  }
  return { stages: [...wired.values()], diagnostics };
};

const stageAt = (located: Located, name: string): Located | undefined =>
  entryOf(entryOf(located, "stages")?.value, name)?.value;

/** Reads and checks the `from` of one stage. */
class InputReader {
  readonly diagnostics: Array<Diagnostic> = [];
  uncertain = false;
  private readonly name: string;
  private readonly spec: StageSpec;
  private readonly stage: Stage;
  private readonly located: Located;
  private readonly stageNames: ReadonlySet<string>;
  private readonly wired: ReadonlyMap<string, WiredStage>;

  constructor(
    name: string,
    spec: StageSpec,
    stage: Stage,
    located: Located,
    stageNames: ReadonlySet<string>,
    wired: ReadonlyMap<string, WiredStage>,
  ) {
    this.name = name;
    this.spec = spec;
    this.stage = stage;
    this.located = located;
    this.stageNames = stageNames;
    this.wired = wired;
  }

  read(): ReadonlyArray<Wire> {
    const declared = this.stage.inputs;
    const given = this.spec.from ?? {};
    if (declared !== "any") {
      for (const [input, { kinds, optional }] of Object.entries(declared)) {
        if (optional === true || Object.hasOwn(given, input)) continue;
        const at = placeAt(this.located, ["stages", this.name], { onKey: true });
        this.reject(
          at,
          `the stage \`${this.name}\` lacks its input \`${input}\``,
          `from: { ${input}: … }, of kind ${kinds.join(" or ")}`,
        );
      }
    }
    return Object.entries(given).flatMap(([input, source]) => {
      const reference =
        typeof source === "string" ? { from: source } : { from: source.all, over: source.over };
      return this.readOne(input, reference.from, typeof source !== "string", reference.over);
    });
  }

  private readOne(
    input: string,
    from: string,
    fanIn: boolean,
    over: ReadonlyArray<string> | undefined,
  ): ReadonlyArray<Wire> {
    const path = ["stages", this.name, "from", input];
    const declaration = this.declarationOf(input, path);
    const at = placeAt(this.located, fanIn ? [...path, "all"] : path);
    if (!this.stageNames.has(from)) {
      this.uncertain = true;
      this.diagnostics.push(
        unknownName("stage of this experiment", from, [...this.stageNames], spanOf(at)),
      );
      return [];
    }
    const upstream = this.wired.get(from);
    this.uncertain ||= upstream === undefined || upstream.uncertain;
    if (declaration === undefined || upstream === undefined) return [];
    if (declaration !== "any") {
      if (!declaration.kinds.includes(upstream.stage.output)) {
        this.reject(
          at,
          `\`${from}\` makes ${upstream.stage.output}, which \`${this.stage.name}\` can't take as \`${input}\``,
          declaration.kinds.join(" or "),
        );
      }
      if (fanIn && declaration.many !== true) {
        this.reject(
          at,
          `the input \`${input}\` of \`${this.stage.name}\` takes one artifact, not a fan-in`,
          `${input}: ${from}`,
        );
        return [];
      }
      if (!fanIn && declaration.many === true) {
        this.reject(
          at,
          `the input \`${input}\` of \`${this.stage.name}\` takes a fan-in`,
          `${input}: { all: ${from} }`,
        );
        return [];
      }
    }
    return fanIn ? this.fanIn(input, upstream, over, path, at) : [{ input, from }];
  }

  private declarationOf(
    input: string,
    path: ReadonlyArray<string>,
  ): InputDeclaration | "any" | undefined {
    const declared = this.stage.inputs;
    if (declared === "any") return "any";
    if (Object.hasOwn(declared, input)) return declared[input];
    const at = spanOf(placeAt(this.located, path, { onKey: true }));
    this.diagnostics.push(
      unknownName(`input of \`${this.stage.name}\``, input, Object.keys(declared), at),
    );
    return undefined;
  }

  private fanIn(
    input: string,
    upstream: WiredStage,
    over: ReadonlyArray<string> | undefined,
    path: ReadonlyArray<string>,
    at: Place,
  ): ReadonlyArray<Wire> {
    if (upstream.uncertain) return [];
    // A stage made for many takes one as well, so that a study may be shrunk to a point.
    if (upstream.axes.length === 0 && this.stage.inputs === "any") {
      this.reject(
        at,
        `\`${upstream.name}\` has no axis to fan in over`,
        `a point-wise input: ${input}: ${upstream.name}`,
      );
      return [];
    }
    const names = upstream.axes.map((axis) => axis.name);
    for (const [index, name] of (over ?? []).entries()) {
      if (names.includes(name)) continue;
      const place = spanOf(placeAt(this.located, [...path, "over", index]));
      this.diagnostics.push(unknownName(`axis of \`${upstream.name}\``, name, names, place));
    }
    return [
      {
        input,
        from: upstream.name,
        over:
          over === undefined
            ? upstream.axes
            : upstream.axes.filter((axis) => over.includes(axis.name)),
      },
    ];
  }

  private reject(at: Place, message: string, expected: string) {
    this.diagnostics.push({ message, at: spanOf(at), expected });
  }
}

const sourcesOf = (spec: StageSpec | undefined): ReadonlyArray<string> =>
  Object.values(spec?.from ?? {}).map((source) =>
    typeof source === "string" ? source : source.all,
  );

/** Depth first along the inputs, each stage once; what closes a cycle is reported as the way around it. */
const topologicalOrder = (
  specs: ReadonlyMap<string, StageSpec>,
): {
  readonly order: ReadonlyArray<string>;
  readonly cycles: ReadonlyArray<ReadonlyArray<string>>;
} => {
  const order: Array<string> = [];
  const cycles: Array<ReadonlyArray<string>> = [];
  const state = new Map<string, "open" | "done">();
  for (const root of specs.keys()) {
    // An own stack: a chain of 100,000 stages would overflow the call stack.
    const stack: Array<{ readonly name: string; readonly todo: Array<string> }> = [];
    const enter = (name: string) => {
      state.set(name, "open");
      stack.push({ name, todo: [...sourcesOf(specs.get(name))] });
    };
    if (!state.has(root)) enter(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.todo.shift();
      if (next === undefined) {
        state.set(top.name, "done");
        order.push(top.name);
        stack.pop();
      } else if (state.get(next) === "open") {
        const path = stack.map((frame) => frame.name);
        cycles.push([...path.slice(path.indexOf(next)), next]);
      } else if (!state.has(next) && specs.has(next)) enter(next);
    }
  }
  return { order, cycles };
};

const cycleDiagnostic = (cycle: ReadonlyArray<string>, located: Located): Diagnostic => {
  const [last = "", target = ""] = cycle.slice(-2);
  const from = entryOf(stageAt(located, last), "from")?.value;
  const entry =
    from?.kind === "map"
      ? from.entries.find(
          ({ value }) =>
            (value.kind === "scalar" ? value : entryOf(value, "all")?.value)?.kind === "scalar" &&
            refersTo(value, target),
        )
      : undefined;
  return {
    message: `the stages take from one another in a circle: ${cycle.join(" ← ")}`,
    ...(entry === undefined ? {} : { at: spanOf(entry.value.at) }),
    expected: "inputs that lead back to stages without inputs",
  };
};

const refersTo = (value: Located, name: string): boolean => {
  const reference = value.kind === "scalar" ? value : entryOf(value, "all")?.value;
  return reference?.kind === "scalar" && reference.value === name;
};
