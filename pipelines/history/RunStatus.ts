/** The status of a run, node by node, whether it is running, has ended or was killed. */
import type { Event } from "../../schemas/Event.ts";
import { EventLog } from "./EventLog.ts";
import { isOfNode, type NodeState, nextState, plannedState, stateAfterRun } from "./NodeState.ts";
import { type RunState, type RunSummary, summaryOf } from "./RunHistory.ts";
import type { RunPlan } from "./RunPlan.ts";

export interface NodeStatus extends NodeState {
  readonly node: string;
  readonly stageName: string;
  /** The stage's registered name. */
  readonly stage: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface RunStatus {
  readonly summary: RunSummary;
  readonly nodes: ReadonlyArray<NodeStatus>;
  /** Lines of its event log that can't be read. */
  readonly unreadable: number;
}

export const statusOf = (home: string, plan: RunPlan, now: number): RunStatus => {
  // Read before the log, so that the log is at least as new.
  const summary = summaryOf(home, plan.run, now);
  const log = new EventLog(home, plan.run);
  const nodes = nodesAfter(plan, log.read(), summary.state);
  return { summary, nodes, unreadable: log.unreadable };
};

/** The nodes of a plan after some events. */
export const nodesAfter = (
  plan: RunPlan,
  events: ReadonlyArray<Event>,
  run: RunState,
): ReadonlyArray<NodeStatus> => {
  const states = new Map(plan.nodes.map((node) => [node.node, plannedState(node)]));
  for (const event of events)
    if (isOfNode(event)) states.set(event.node, nextState(states.get(event.node), event));
  return plan.nodes.map(({ node, stageName, stage, labels }) => {
    const state = states.get(node) ?? { state: "not started" };
    return { node, stageName, stage, labels, ...endedState(state, run) };
  });
};

const endedState = (node: NodeState, run: RunState): NodeState =>
  run === "running" ? node : stateAfterRun(node, run === "killed" ? "killed" : "ended");
