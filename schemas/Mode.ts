import { Schema } from "effect";

/** How a model answers: from the picture, or with the oracle perception forced as the beginning of its response. */
export const Mode = Schema.Literals(["end-to-end", "counterfactual"]);
export type Mode = typeof Mode.Type;
