/** The state of a node, as the events of its run give it. The live view, `pipe status` and `pipe logs` all use it. */
import type { Event, EventOf } from "../../schemas/Event.ts";
import type { RunPlan } from "./RunPlan.ts";

export type NodeStateName =
  | "not started"
  /** Cached when the run began. */
  | "cached"
  /** Another run is making it. */
  | "waiting"
  | "running"
  /** An attempt had an infrastructure failure; the next attempt will start. */
  | "retrying"
  | "made"
  /** Found in the store during the run. */
  | "reused"
  | "failed"
  | "skipped"
  | "interrupted"
  /** Active when the run was killed. */
  | "lost";

export interface NodeState {
  readonly state: NodeStateName;
  /** When the state began. */
  readonly since?: string;
  /** The number of the attempt, from 1. */
  readonly attempt?: number;
  /** The attempt's log file. */
  readonly log?: string;
  readonly progress?: Pick<EventOf<"NodeProgress">, "done" | "total" | "unit">;
  /** The attempt's first progress: a resumed training begins in the middle, so its pace counts from there. */
  readonly firstProgress?: { readonly done: number; readonly at: string };
  readonly metrics?: EventOf<"NodeMetrics">["values"];
  /** Its last message, or why it failed. */
  readonly message?: string;
  readonly fix?: string;
  /** The directory of an attempt that failed or was interrupted. */
  readonly kept?: string;
  readonly leaves?: EventOf<"NodeInterrupted">["leaves"];
  /** The duration of the attempt; when retrying, the pause before the next one. */
  readonly seconds?: number;
  readonly artifact?: string;
  /** The artifact that the same work gave the last time, where it was a different one. */
  readonly differs?: string;
  /** The owner of the claim that it waits for. */
  readonly owner?: string;
  /** The failed node because of which it is skipped. */
  readonly because?: string;
}

export type NodeEvent = Extract<Event, { readonly node: string }>;

export const isOfNode = (event: Event): event is NodeEvent => "node" in event;

const notStarted: NodeState = { state: "not started" };

export const nextState = (before: NodeState | undefined, event: NodeEvent): NodeState => {
  const { at: since } = event;
  const known = before ?? notStarted;
  const attempt = known.attempt ?? 1;
  switch (event._tag) {
    case "NodeWaiting":
      return { state: "waiting", since, owner: event.owner };
    case "NodeStarted":
      return {
        state: "running",
        since,
        log: event.log,
        attempt: known.state === "retrying" ? attempt + 1 : 1,
      };
    case "NodeProgress": {
      const { done, total, unit } = event;
      const isSameWork = known.progress?.unit === unit;
      const firstProgress = (isSameWork ? known.firstProgress : undefined) ?? { done, at: since };
      return { ...known, progress: { done, total, unit }, firstProgress };
    }
    case "NodeMetrics":
      // Some are not measured at every step: they stay until the next time.
      return { ...known, metrics: { ...known.metrics, ...event.values } };
    case "NodeMessage":
      return { ...known, message: event.message };
    case "NodeRetried": {
      const { message, seconds } = event;
      return { state: "retrying", since, attempt, message, seconds };
    }
    case "NodeSucceeded": {
      const { artifact, seconds, differs } = event;
      const made = { state: "made", since, attempt, artifact, seconds } as const;
      return differs === undefined ? made : { ...made, differs };
    }
    case "NodeReused":
      return { state: "reused", since, artifact: event.artifact };
    case "NodeFailed": {
      const { message, fix, kept, seconds } = event;
      return { state: "failed", since, attempt, message, fix, kept, seconds };
    }
    case "NodeSkipped":
      return { state: "skipped", since, because: event.because };
    case "NodeInterrupted":
      return { state: "interrupted", since, attempt, kept: event.kept, leaves: event.leaves };
  }
};

/** Running, or waiting to run. */
export const isActive = ({ state }: NodeState): boolean =>
  state === "running" || state === "waiting" || state === "retrying";

/** The run does no more for this node. */
export const isOver = (node: NodeState): boolean => !isActive(node) && node.state !== "not started";

/** The state of a node before the first event. */
export const plannedState = ({ cached }: RunPlan["nodes"][number]): NodeState =>
  cached === undefined ? notStarted : { state: "cached", artifact: cached };

/** The state after the run ended or was killed: an active node becomes interrupted or lost. */
export const stateAfterRun = (node: NodeState, end: "ended" | "killed"): NodeState =>
  isActive(node) ? { ...node, state: end === "killed" ? "lost" : "interrupted" } : node;
