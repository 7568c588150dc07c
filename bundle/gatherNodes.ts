/** The nodes that a run has made or found, with the record of how each was made. */
import type { Index } from "../cache/Index.ts";
import { EventLog } from "../pipelines/EventLog.ts";
import type { RunSide } from "../pipelines/RunSide.ts";
import type { EventOf } from "../schemas/Event.ts";
import type { Action } from "../schemas/Artifact.ts";
import { inputDigests } from "../schemas/KeyParts.ts";
import { stages } from "../stages/stages.ts";
import type { BundleNode } from "./format.ts";

/** In the plan's order, so that what a node takes from comes before it. */
export const gatherNodes = (
  index: Index,
  home: string,
  side: RunSide,
): ReadonlyArray<BundleNode> => {
  const made = madeIn(home, side.plan.run);
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
      // Where this pipe can't read the experiment, whatever trains may well have asked for one.
      gpu: resources === undefined ? stages.get(stage)?.trainer !== undefined : resources.gpus > 0,
    });
    gathered.add(artifact);
  }
  return nodes;
};

/** What the run has made itself, as it told then: later runs may have made the same in another time. */
const madeIn = (home: string, run: string): ReadonlyMap<string, EventOf<"NodeSucceeded">> =>
  new Map(
    new EventLog(home, run)
      .read()
      .flatMap((event) => (event._tag === "NodeSucceeded" ? [[event.node, event]] : [])),
  );

/** The record of a recipe's artifact; of several, the one that took what this run took, and the oldest. */
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

const firstSeconds = (index: Index, { recipe, content }: Action): number | undefined => {
  const [row] = index.rows(
    `SELECT seconds FROM attempts
     WHERE status = 'succeeded' AND recipe IN (SELECT ? UNION SELECT recipe FROM actions WHERE content = ?)
     ORDER BY number LIMIT 1`,
    recipe,
    content,
  );
  return row === undefined ? undefined : Number(row["seconds"]);
};

/** The machines that nodes were made on, each once, in an order that depends on nothing else. */
export const machinesOf = (
  index: Index,
  nodes: ReadonlyArray<BundleNode>,
): ReadonlyArray<Readonly<Record<string, string>>> => {
  const machines = new Map<string, Readonly<Record<string, string>>>();
  for (const { artifact, recipe: asked } of nodes)
    for (const { recipe, environment } of index.actionsOf(artifact))
      if (recipe === asked) machines.set(JSON.stringify(environment), environment);
  return [...machines].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => each);
};
