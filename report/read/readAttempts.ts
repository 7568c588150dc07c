/** The attempts of a run's nodes in time. */
import type { Event } from "../../schemas/Event.ts";
import type { Attempt } from "../ReportData.ts";

const ends: Readonly<Partial<Record<Event["_tag"], Attempt["end"]>>> = {
  NodeSucceeded: "made",
  NodeFailed: "failed",
  NodeRetried: "failed",
  NodeInterrupted: "interrupted",
};

/** `begun` is when the run began; attempts that no event ends last until the last event. A run that is over has interrupted them. */
export const readAttempts = (
  events: ReadonlyArray<Event>,
  begun: string,
  stageOf: ReadonlyMap<string, string>,
  isRunning: boolean,
): ReadonlyArray<Attempt> => {
  const secondsAt = (at: string) => (Date.parse(at) - Date.parse(begun)) / 1000;
  const open = new Map<string, Omit<Attempt, "to" | "end">>();
  const attempts: Array<Attempt> = [];
  for (const event of events) {
    if (event._tag === "NodeStarted") {
      const { node, at } = event;
      open.set(node, { node, stageName: stageOf.get(node) ?? node, from: secondsAt(at) });
    }
    const end = ends[event._tag];
    if (end === undefined || !("node" in event)) continue;
    const attempt = open.get(event.node);
    if (attempt === undefined) continue;
    attempts.push({ ...attempt, to: secondsAt(event.at), end });
    open.delete(event.node);
  }
  const end = isRunning ? "running" : "interrupted";
  const last = secondsAt(events.at(-1)?.at ?? begun);
  return [...attempts, ...[...open.values()].map((each) => ({ ...each, to: last, end }) as const)];
};
