/** The context that the execution of one node takes from its run. */
import type { Effect } from "effect";
import type { Digest } from "../../schemas/Digest.ts";
import type { Node } from "../experiment/Node.ts";
import type { Plan } from "../plan/Plan.ts";

export interface RunContext {
  readonly run: string;
  readonly plan: Plan;
  readonly project: string;
  /** The artifact of a settled node. */
  readonly artifactOf: (node: Node) => Digest;
  readonly settle: (
    node: Node,
    artifact: Digest,
    how: "executed" | "reused",
  ) => Effect.Effect<void>;
  /** The infrastructure failures of a node that used up a retry. */
  readonly failures: Map<Node, number>;
  /** Content keys made by this run: of two equal forced nodes only the first is made. */
  readonly madeHere: Set<Digest>;
  /** Keeps a log in the run's directory, where there is a log. */
  readonly keepLog: (node: Node, log: string) => Effect.Effect<void>;
}
