/** New points of a stage: what distinguishes them is a label, so they are counted instead of explained one by one. */
import type { Node } from "../../pipelines/experiment/Node.ts";
import type { Explanation } from "../../pipelines/plan/Explanation.ts";

/** Compared with another point of the same stage in the same experiment. */
export const isNewPoint = (explanation: Explanation | undefined): boolean =>
  explanation?.against?.relation === "point";

/** `new points of seed`: the axes on which the node has a label that no earlier point has, or all of them. */
export const newPointText = (node: Node, earlier: ReadonlyArray<Node>): string => {
  const axes = Object.keys(node.labels);
  const fresh = axes.filter(
    (axis) => !earlier.some(({ labels }) => labels[axis] === node.labels[axis]),
  );
  return `new points of ${(fresh.length > 0 ? fresh : axes).join(" × ")}`;
};
