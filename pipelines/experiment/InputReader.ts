/** Reads and checks the `from` of one stage. */
import { type Diagnostic, unknownName } from "../../schemas/Diagnostic.ts";
import type { StageSpec } from "../../schemas/Experiment.ts";
import type { InputDeclaration, Stage } from "../../stages/Stage.ts";
import { type Located, placeAt } from "./Located.ts";
import { type Place, spanOf } from "./Source.ts";
import type { Wire, WiredStage } from "./WiredStage.ts";

interface Unwired {
  /** In the experiment. */
  readonly name: string;
  readonly spec: StageSpec;
  readonly stage: Stage;
}

interface Wired {
  readonly experiment: Located;
  /** All stages, those that do not decode included. */
  readonly stageNames: ReadonlySet<string>;
  readonly stages: ReadonlyMap<string, WiredStage>;
}

export class InputReader {
  readonly diagnostics: Array<Diagnostic> = [];
  /** An upstream stage has errors, so its axes are not known. */
  isUncertain = false;
  private readonly name: string;
  private readonly spec: StageSpec;
  private readonly stage: Stage;
  private readonly experiment: Located;
  private readonly stageNames: ReadonlySet<string>;
  private readonly wired: ReadonlyMap<string, WiredStage>;

  constructor({ name, spec, stage }: Unwired, { experiment, stageNames, stages }: Wired) {
    this.name = name;
    this.spec = spec;
    this.stage = stage;
    this.experiment = experiment;
    this.stageNames = stageNames;
    this.wired = stages;
  }

  read(): ReadonlyArray<Wire> {
    const declared = this.stage.inputs;
    const given = this.spec.from ?? {};
    if (declared !== "any") {
      for (const [input, { kinds, optional }] of Object.entries(declared)) {
        if (optional === true || Object.hasOwn(given, input)) continue;
        const at = placeAt(this.experiment, ["stages", this.name], { onKey: true });
        this.reject(
          at,
          `the stage \`${this.name}\` needs the input \`${input}\``,
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
    const at = placeAt(this.experiment, fanIn ? [...path, "all"] : path);
    if (!this.stageNames.has(from)) {
      this.isUncertain = true;
      this.diagnostics.push(
        unknownName("stage of this experiment", from, [...this.stageNames], spanOf(at)),
      );
      return [];
    }
    const upstream = this.wired.get(from);
    this.isUncertain ||= upstream === undefined || upstream.isUncertain;
    if (declaration === undefined || upstream === undefined) return [];
    if (declaration !== "any") {
      if (!declaration.kinds.includes(upstream.stage.output)) {
        this.reject(
          at,
          `\`${from}\` makes ${upstream.stage.output}, which \`${this.stage.name}\` does not accept as \`${input}\``,
          declaration.kinds.join(" or "),
        );
      }
      if (fanIn && declaration.many !== true) {
        this.reject(
          at,
          `the input \`${input}\` of \`${this.stage.name}\` takes one artifact, not all points`,
          `${input}: ${from}`,
        );
        return [];
      }
      if (!fanIn && declaration.many === true) {
        this.reject(
          at,
          `the input \`${input}\` of \`${this.stage.name}\` needs all points`,
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
    const at = spanOf(placeAt(this.experiment, path, { onKey: true }));
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
    if (upstream.isUncertain) return [];
    // A declared fan-in accepts a stage without axes, so that a study can shrink to one point.
    if (upstream.axes.length === 0 && this.stage.inputs === "any") {
      this.reject(
        at,
        `\`${upstream.name}\` does not vary`,
        `a point-wise input: ${input}: ${upstream.name}`,
      );
      return [];
    }
    const names = upstream.axes.map((axis) => axis.name);
    for (const [index, name] of (over ?? []).entries()) {
      if (names.includes(name)) continue;
      const place = spanOf(placeAt(this.experiment, [...path, "over", index]));
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
