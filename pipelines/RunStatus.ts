/** How a run stands, node by node: one that goes on elsewhere, one that has ended, or one that was killed. */
import { EventLog } from "./EventLog.ts";
import { isOfNode, type NodeState, nextState, plannedState, withoutRun } from "./NodeState.ts";
import { type RunState, type RunSummary, summaryOf } from "./RunHistory.ts";
import type { RunPlan } from "./RunRecord.ts";

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
  // Asked first: what the log says after that is at least as new.
  const summary = summaryOf(home, plan.run, now);
  const log = new EventLog(home, plan.run);
  const states = new Map(plan.nodes.map((node) => [node.node, plannedState(node)]));
  for (const event of log.read())
    if (isOfNode(event)) states.set(event.node, nextState(states.get(event.node), event));
  const nodes = plan.nodes.map(({ node, stageName, stage, labels }) => {
    const state = states.get(node) ?? { state: "not started" };
    return { node, stageName, stage, labels, ...settled(state, summary.state) };
  });
  return { summary, nodes, unreadable: log.unreadable };
};

const settled = (node: NodeState, run: RunState): NodeState =>
  run === "running" ? node : withoutRun(node, run === "killed" ? "killed" : "ended");
