/** The nondeterministic nodes of a run, below its numbers. */
import { plural, printableName, type Style } from "../../kinds/terminal.ts";
import type { NondeterministicNode } from "../../pipelines/history/nondeterminism.ts";
import { shortDigest } from "../../schemas/Digest.ts";

const shownNodes = 12;

export const nondeterminismText = (
  nodes: ReadonlyArray<NondeterministicNode>,
  run: string,
  style: Style,
): string =>
  [
    style.yellow(
      `not reproducible: ${plural(nodes.length, "node")} of ${run} gave different results from equal inputs`,
    ),
    ...nodes.slice(0, shownNodes).map(({ node, artifact, kept }) => {
      const others = kept.filter((digest) => digest !== artifact).map(shortDigest);
      const see = [shortDigest(artifact), ...others]
        .slice(0, 4)
        .map((digest) => `npx pipe show ${digest}`);
      return `  ${printableName(node)}: ${plural(kept.length, "different result")} kept; this run's and others: ${see.join(", ")}${others.length > 3 ? ", …" : ""}`;
    }),
    ...(nodes.length > shownNodes ? [`  … and ${nodes.length - shownNodes} more`] : []),
  ].join("\n");
