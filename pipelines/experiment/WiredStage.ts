/** A stage of an experiment with its inputs and axes. */
import type { StageSpec } from "../../schemas/Experiment.ts";
import type { Stage } from "../../stages/Stage.ts";
import type { Axis } from "./Axes.ts";
import type { Located } from "./Located.ts";
import type { Place } from "./Source.ts";

/** One input of a stage. */
export interface Wire {
  readonly input: string;
  /** A stage of the experiment. */
  readonly from: string;
  /** For a fan-in, the axes whose points it collects; absent where the input is point-wise. */
  readonly over?: ReadonlyArray<Axis>;
}

export interface WiredStage {
  readonly name: string;
  readonly stage: Stage;
  readonly spec: StageSpec;
  readonly params: Located;
  /** The axes that the params mention. */
  readonly paramAxes: ReadonlyArray<Axis>;
  readonly wires: ReadonlyArray<Wire>;
  /** Every axis that the stage depends on, in the experiment's order. */
  readonly axes: ReadonlyArray<Axis>;
  /** An upstream stage has errors, so `axes` may be incomplete. */
  readonly isUncertain: boolean;
  readonly at: Place;
}
