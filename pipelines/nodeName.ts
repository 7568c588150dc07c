/** What a node's name says: `model[loss=token,seed=0]` is a point of the experiment's stage `model`. */

export const stageNameOf = (node: string): string => partsOfName(node)[0];

export const partsOfName = (
  node: string,
): readonly [stage: string, labels: ReadonlyArray<string>] => {
  const [stage = node, labels = ""] = node.split("[", 2);
  return [stage, labels.replace(/\]$/u, "").split(",")];
};
