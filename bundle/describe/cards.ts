/**
 * A card for each data set and model of a run, in the Hub's form. The artifact's own README is part of its digest and stays unchanged;
 * the card adds what only the run knows: licence, origins, results. Verifying recomputes the header; the body is prose.
 */
import fs from "node:fs";
import { parse, stringify } from "yaml";
import { inputDigests } from "../../schemas/KeyParts.ts";
import { originOf } from "../../stages/audits.ts";
import { textBytes } from "../format/content.ts";
import type { BundleNode, BundleRun, Entry } from "../format/format.ts";
import { licenseOfData } from "./terms.ts";

export type CardHeader = Readonly<Record<string, unknown>>;

export interface Card {
  readonly path: string;
  readonly header: CardHeader;
  readonly body: string;
}

/** Cards of the artifacts that have any file in the bundle. */
export const cards = (run: BundleRun, entries: ReadonlyArray<Entry>): ReadonlyArray<Card> => {
  const files = new Map(entries.map((entry) => [entry.path, entry]));
  const licenses = licensesOf(entries);
  const makers = new Map(run.nodes.toReversed().map((node) => [node.artifact, node]));
  const results = resultsIn(run, makers);
  return [...makers.values()].toReversed().flatMap((node): ReadonlyArray<Card> => {
    const license = licenses.get(node.artifact);
    if (!hasCard(node) || license === undefined) return [];
    const readme = parseCard(
      readmeOf(files.get(`data/artifacts/${node.artifact}/README.md`), node),
    );
    const { configs: _, ...own } = readme.header;
    const added =
      node.kind === "model"
        ? modelHeader(node, results.get(node.artifact) ?? [], makers)
        : { language: ["en"], tags: ["synthetic", node.kind] };
    return [
      {
        path: `data/cards/${cardName(node)}.md`,
        header: { license: license.toLowerCase(), ...own, ...added },
        body: [readme.body.trim(), "## In this bundle", ...origin(node, makers)].join("\n\n"),
      },
    ];
  });
};

export const cardEntry = ({ path, header, body }: Card): Entry => ({
  path,
  content: textBytes(`---\n${stringify(header)}---\n\n${body}\n`),
  license: licenseOfData,
});

/** Splits a README into header and body. Text without a readable header is all body: anybody may have written it. */
export const parseCard = (text: string): Omit<Card, "path"> => {
  const parts = /^---\n(?<header>.*?)\n---\n(?<body>.*)$/su.exec(text)?.groups;
  try {
    const header: unknown = parse(parts?.["header"] ?? "");
    if (typeof header === "object" && header !== null && !Array.isArray(header))
      return { header: header as CardHeader, body: parts?.["body"] ?? text };
  } catch {
    // The author of a brought-in README may have written anything.
  }
  return { header: {}, body: parts?.["body"] ?? text };
};

/** An artifact's licence is that of its files. */
const licensesOf = (entries: ReadonlyArray<Entry>): ReadonlyMap<string, string> =>
  new Map(
    entries.flatMap(({ path: file, license }) => {
      const artifact = /^data\/artifacts\/([^/]+)\//u.exec(file)?.[1];
      return artifact === undefined ? [] : [[artifact, license] as const];
    }),
  );

const hasCard = ({ kind }: BundleNode): boolean =>
  kind === "dataset" || kind === "transcripts" || kind === "model";

const cardName = ({ kind, artifact }: BundleNode): string => `${kind}-${artifact.slice(0, 12)}`;

const readmeOf = (entry: Entry | undefined, { node }: BundleNode): string => {
  if (entry === undefined) return `# ${node}`;
  return entry.content instanceof Uint8Array
    ? new TextDecoder().decode(entry.content)
    : fs.readFileSync(entry.content.file, "utf8");
};

type Makers = ReadonlyMap<string, BundleNode>;

const modelHeader = (
  model: BundleNode,
  results: ReadonlyArray<CardHeader>,
  makers: Makers,
): CardHeader => ({
  datasets: ancestors(model, makers)
    .filter(({ kind }) => kind === "dataset" || kind === "transcripts")
    .map(cardName),
  ...(results.length === 0
    ? {}
    : {
        metrics: ["accuracy"],
        "model-index": [{ name: cardName(model), results }],
      }),
});

/** The accuracies of each model, by its artifact. */
const resultsIn = (
  run: BundleRun,
  makers: Makers,
): ReadonlyMap<string, ReadonlyArray<CardHeader>> => {
  const results = new Map<string, Array<CardHeader>>();
  for (const scores of run.nodes) {
    if (scores.kind !== "scores") continue;
    const inputs = inputsOf(scores, makers);
    const answers = inputs.filter(({ kind }) => kind === "predictions");
    const data = inputs.find(({ kind }) => kind === "dataset");
    const metrics = measures.flatMap(([key, name]) => {
      const value = scores.summary[key];
      return typeof value === "number" ? [{ type: "accuracy", name, value }] : [];
    });
    if (data === undefined || metrics.length === 0) continue;
    const result = {
      task: { type: "image-text-to-text" },
      dataset: { type: cardName(data), name: data.node },
      metrics,
    };
    const judged = answers.flatMap((answer) => inputsOf(answer, makers));
    for (const artifact of new Set(judged.map((one) => one.artifact))) {
      const others = results.get(artifact);
      if (others === undefined) results.set(artifact, [result]);
      else others.push(result);
    }
  }
  return results;
};

const measures = [
  ["a", "a: end-to-end accuracy"],
  ["a_p", "a_p: perception accuracy"],
  ["a_r", "a_r: reasoning accuracy from the oracle perception"],
] as const;

const origin = (node: BundleNode, makers: Makers): ReadonlyArray<string> => {
  const from = inputsOf(node, makers);
  const base = from.find(({ kind }) => kind === "model");
  return [
    `Node \`${node.node}\` (stage \`${node.stage}\`) made it; its artifact is \`${node.artifact}\`.`,
    ...(from.length === 0
      ? []
      : [
          `Its inputs are ${from.map((one) => (hasCard(one) ? `[${one.node}](${cardName(one)}.md)` : one.node)).join(", ")}.`,
        ]),
    ...(node.kind !== "model" || originOf(node.stage) === "imported"
      ? []
      : [
          base === undefined
            ? "Base model: none; training started from random weights."
            : `Base model: [${base.node}](${cardName(base)}.md).`,
        ]),
  ];
};

/** The first makers of its input artifacts. */
const inputsOf = ({ keyParts }: BundleNode, makers: Makers): ReadonlyArray<BundleNode> =>
  inputDigests(keyParts).flatMap((digest) => makers.get(digest) ?? []);

const ancestors = (node: BundleNode, makers: Makers): ReadonlyArray<BundleNode> => {
  const all = new Set(inputsOf(node, makers));
  for (const one of all) for (const above of inputsOf(one, makers)) all.add(above);
  return [...all];
};
