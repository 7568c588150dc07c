/** The nodes of a run that have results, each with the record of its making. */
import { firstSeconds } from "../../cache/History.ts";
import type { Index } from "../../cache/Index.ts";
import type { RunSide } from "../../pipelines/history/RunSide.ts";
import type { Event, EventOf } from "../../schemas/Event.ts";
import type { Action } from "../../schemas/Artifact.ts";
import { inputDigests } from "../../schemas/KeyParts.ts";
import { stages } from "../../stages/stages.ts";
import type { BundleNode } from "../format/format.ts";

/** In the plan's order: inputs before their users. */
export const gatherNodes = (index: Index, side: RunSide): ReadonlyArray<BundleNode> => {
  const made = successesIn(side.events);
  const gathered = new Set<string>();
  const nodes: Array<BundleNode> = [];
  for (const planned of side.plan.nodes) {
    const artifact = side.artifacts.get(planned.node);
    const row = artifact === undefined ? undefined : index.artifact(artifact);
    const action =
      artifact === undefined ? undefined : actionOf(index, planned.recipe, artifact, gathered);
    if (artifact === undefined || row === undefined || action === undefined) continue;
    const { node, stageName, stage, labels, kind, recipe } = planned;
    const resources = side.nodes.get(node)?.resources;
    nodes.push({
      node,
      stageName,
      stage,
      labels,
      kind,
      recipe,
      content: action.content,
      keyParts: action.keyParts,
      artifact,
      files: row.files,
      summary: action.summary,
      ...(action.resumedFrom === undefined ? {} : { resumedFrom: action.resumedFrom }),
      seconds: made.get(node)?.seconds ?? firstSeconds(index, action) ?? action.cost.wallSeconds,
      // If this pipe can't compile the experiment, a trainer may have asked for one.
      gpu: resources === undefined ? stages.get(stage)?.trainers !== undefined : resources.gpus > 0,
    });
    gathered.add(artifact);
  }
  return nodes;
};

/** Nodes that the run itself made: later runs may have made the same in another time. */
const successesIn = (events: ReadonlyArray<Event>): ReadonlyMap<string, EventOf<"NodeSucceeded">> =>
  new Map(events.flatMap((event) => (event._tag === "NodeSucceeded" ? [[event.node, event]] : [])));

/** The record of a recipe's artifact; of several, the oldest with inputs of this run. */
const actionOf = (
  index: Index,
  recipe: string,
  artifact: string,
  gathered: ReadonlySet<string>,
): Action | undefined => {
  const actions = index
    .actionsOf(artifact)
    .filter((action) => action.recipe === recipe)
    .toReversed();
  return (
    actions.find((action) =>
      inputDigests(action.keyParts).every((digest) => gathered.has(digest)),
    ) ?? actions[0]
  );
};

/** The machines that made the nodes, each once, ordered by their text. */
export const machinesOf = (
  index: Index,
  nodes: ReadonlyArray<BundleNode>,
): ReadonlyArray<Readonly<Record<string, string>>> => {
  const machines = new Map<string, Readonly<Record<string, string>>>();
  for (const { artifact, recipe: own } of nodes)
    for (const { recipe, environment } of index.actionsOf(artifact))
      if (recipe === own) machines.set(JSON.stringify(environment), environment);
  return [...machines].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => each);
};
