/** A plan for the terminal: a line a stage, its points counted by what becomes of them, or each of them when they are few. */
import type { Because, Plan, PlannedNode } from "../../pipelines/Plan.ts";
import { padEnd, plural, printableName } from "./format.ts";
import type { Style } from "./style.ts";

const fewPoints = 12;

export const planText = (plan: Plan, style: Style): string => {
  const stages = new Map<string, Array<PlannedNode>>();
  for (const planned of plan.nodes) {
    const known = stages.get(planned.node.stageName);
    if (known === undefined) stages.set(planned.node.stageName, [planned]);
    else known.push(planned);
  }
  const lines = [...stages].flatMap(([name, nodes]) =>
    nodes.length <= fewPoints
      ? nodes.map((node) => one(node, style))
      : [collapsed(name, nodes, style)],
  );
  const count = (status: PlannedNode["status"]) =>
    plan.nodes.filter((planned) => planned.status === status).length;
  const totals = `${plural(plan.nodes.length, "node")}: ${count("cached")} cached, ${count("run")} to run, ${count("may-run")} that may run`;
  return [style.bold(plan.experiment), ...lines, totals].join("\n");
};

const one = ({ node, status, because }: PlannedNode, style: Style): string =>
  `  ${mark(status, style)} ${padEnd(printableName(node.name), 36)} ${padEnd(node.stage.name, 10)} ${style.dim(printableName(reasonText(because)))}`;

export const reasonText = (because: Because): string => {
  switch (because._tag) {
    case "Found":
      return because.by === "recipe" ? "made before" : "made before from equal inputs";
    case "NotNeeded":
      return "made before; its files were collected, and nothing due needs them";
    case "New":
      return "not made yet";
    case "Gone":
      return because.how === "collected" ? "its files were collected" : "its files are damaged";
    case "Forced":
      return "forced";
    case "Waits":
      return `waits for ${because.for[0]?.name ?? ""}${because.for.length > 1 ? ` and ${because.for.length - 1} more` : ""}`;
  }
};

const collapsed = (name: string, nodes: ReadonlyArray<PlannedNode>, style: Style): string => {
  const axes = Object.keys(nodes[0]?.node.labels ?? {}).join(" × ");
  const parts = (["cached", "run", "may-run"] as const).flatMap((status) => {
    const count = nodes.filter((planned) => planned.status === status).length;
    return count === 0 ? [] : [`${count} ${status}`];
  });
  return `  ${" ".repeat(7)} ${padEnd(`${name}[${axes}]`, 36)} ${padEnd(nodes[0]?.node.stage.name ?? "", 10)} ${style.dim(parts.join(", "))}`;
};

const mark = (status: PlannedNode["status"], style: Style): string => {
  switch (status) {
    case "cached":
      return style.dim("cached ");
    case "run":
      return style.green("run    ");
    case "may-run":
      return style.yellow("may-run");
  }
};
