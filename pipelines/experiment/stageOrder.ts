/** The topological order of an experiment's stages, and their cycles. */
import type { Diagnostic } from "../../schemas/Diagnostic.ts";
import type { StageSpec } from "../../schemas/Experiment.ts";
import { entryOf, type Located, valueAt } from "./Located.ts";
import { spanOf } from "./Source.ts";

interface StageOrder {
  readonly order: ReadonlyArray<string>;
  /** Each as a path whose last stage is its first. */
  readonly cycles: ReadonlyArray<ReadonlyArray<string>>;
}

/** Depth-first search along the inputs, with its own stack: 100,000 stages in a chain would overflow the call stack. */
export const stageOrder = (specs: ReadonlyMap<string, StageSpec>): StageOrder => {
  const order: Array<string> = [];
  const cycles: Array<ReadonlyArray<string>> = [];
  const state = new Map<string, "open" | "done">();
  for (const root of specs.keys()) {
    const stack: Array<{ readonly name: string; readonly todo: Array<string> }> = [];
    const enter = (name: string) => {
      state.set(name, "open");
      stack.push({ name, todo: [...upstreamNames(specs.get(name))] });
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

const upstreamNames = (spec: StageSpec | undefined): ReadonlyArray<string> =>
  Object.values(spec?.from ?? {}).map((source) =>
    typeof source === "string" ? source : source.all,
  );

/** Points at the input that closes the cycle. */
export const cycleDiagnostic = (cycle: ReadonlyArray<string>, experiment: Located): Diagnostic => {
  const [last = "", target = ""] = cycle.slice(-2);
  const inputs = valueAt(experiment, ["stages", last, "from"]);
  const closing =
    inputs?.kind === "map"
      ? inputs.entries.find(({ value }) => upstreamName(value) === target)
      : undefined;
  return {
    message: `these stages form a cycle: ${cycle.join(" ← ")}`,
    ...(closing === undefined ? {} : { at: spanOf(closing.value.at) }),
    expected: "inputs that lead back to stages without inputs",
  };
};

/** `from: { input: NAME }` or `from: { input: { all: NAME } }` */
const upstreamName = (input: Located): unknown => {
  const name = input.kind === "map" ? entryOf(input, "all")?.value : input;
  return name?.kind === "scalar" ? name.value : undefined;
};
