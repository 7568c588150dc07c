/** Names of nodes, such as `model[loss=token,seed=0]`: a stage of the experiment and the labels of a point. */
import type { Labels } from "./Node.ts";

export const nodeName = (stageName: string, labels: Labels): string => {
  const point = Object.entries(labels).map(([axis, label]) => labelText(axis, label));
  return point.length === 0 ? stageName : `${stageName}[${point.join(",")}]`;
};

/** A label with a comma is quoted: it could read as two, and two nodes must never share a name. */
export const labelText = (axis: string, label: string): string =>
  `${axis}=${/[,"]/u.test(label) ? JSON.stringify(label) : label}`;

export const stageNameOf = (node: string): string => partsOfName(node)[0];

export const partsOfName = (
  node: string,
): readonly [stage: string, labels: ReadonlyArray<string>] => {
  const begin = node.indexOf("[");
  if (begin === -1) return [node, []];
  // Only quoted labels have quotation marks, so a comma between two marks belongs to a label.
  const labels = node.slice(begin + 1, -1).match(/(?:"(?:\\.|[^"\\])*"|[^",])+/gu);
  return [node.slice(0, begin), labels ?? []];
};
