/** What has become of a node, as the events of its run tell. The views, `pipe status` and `pipe logs` all go by this. */
import type { Event, EventOf } from "../schemas/Event.ts";
import type { RunPlan } from "./RunRecord.ts";

export type NodeWord =
  | "not started"
  /** The plan had found it. */
  | "cached"
  /** Another run is making the same. */
  | "waiting"
  | "running"
  /** The machinery failed it; another try is to come. */
  | "retrying"
  | "made"
  /** Found while the run went on. */
  | "reused"
  | "failed"
  | "skipped"
  | "interrupted"
  /** At work when the run was killed. */
  | "lost";

export interface NodeState {
  readonly state: NodeWord;
  /** When it came into this state. */
  readonly since?: string;
  /** Which try at it this is or was, from 1. */
  readonly attempt?: number;
  /** Where the try writes its log. */
  readonly log?: string;
  readonly progress?: Pick<EventOf<"NodeProgress">, "done" | "total" | "unit">;
  readonly metrics?: EventOf<"NodeMetrics">["values"];
  /** What it said last, or why it failed. */
  readonly message?: string;
  readonly fix?: string;
  readonly kept?: string;
  /** How long the try took; when it is tried again, in how long. */
  readonly seconds?: number;
  readonly artifact?: string;
  /** The artifact that the same work gave the last time, where that was another. */
  readonly differs?: string;
  /** Whom it waits for. */
  readonly owner?: string;
  /** The failed node that it is skipped for. */
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
      return { ...known, progress: { done, total, unit } };
    }
    case "NodeMetrics":
      return { ...known, metrics: event.values };
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
      return { state: "interrupted", since, attempt, kept: event.kept };
  }
};

/** Whether somebody is at it, or about to be. */
export const isActive = ({ state }: NodeState): boolean =>
  state === "running" || state === "waiting" || state === "retrying";

/** Whether the run is done with it. */
export const isOver = (node: NodeState): boolean => !isActive(node) && node.state !== "not started";

/** What a run's plan knew of a node before anything happened. */
export const plannedState = ({ cached }: RunPlan["nodes"][number]): NodeState =>
  cached === undefined ? notStarted : { state: "cached", artifact: cached };

/** What was at work, waited or was to be tried again when its run came to an end, or was killed before it could write one. */
export const withoutRun = (node: NodeState, runWas: "ended" | "killed"): NodeState =>
  isActive(node) ? { ...node, state: runWas === "killed" ? "lost" : "interrupted" } : node;
