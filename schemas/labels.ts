/** Labels of a point as text. */

/** `loss=token,seed=0`; a name of a node quotes what could be misread (`pipelines/experiment/nodeName.ts`). */
export const labelsText = (labels: Readonly<Record<string, unknown>>, separator = ","): string =>
  Object.entries(labels)
    .map(([axis, label]) => `${axis}=${String(label)}`)
    .join(separator);
