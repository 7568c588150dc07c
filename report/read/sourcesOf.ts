/** The elements of a result's fan-ins, as nodes of the run. */
import type { Json } from "../../schemas/Digest.ts";
import type { RecordedParts } from "../../schemas/KeyParts.ts";
import type { SourcedNumbers } from "../ReportData.ts";

/** `artifacts` holds the run's artifacts by node. */
export const sourcesOf = (
  keyParts: Json | undefined,
  artifacts: ReadonlyMap<string, string>,
): SourcedNumbers["from"] => {
  const nodeOf = new Map([...artifacts].map(([node, artifact]) => [artifact, node]));
  const { inputs = {} } = (keyParts ?? {}) as Partial<RecordedParts>;
  return Object.values(inputs)
    .flatMap((input) => (typeof input === "string" ? [] : input))
    .flatMap(({ labels, identity }) => {
      const node = nodeOf.get(identity);
      return node === undefined ? [] : [{ labels, node }];
    });
};
