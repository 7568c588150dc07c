/**
 * A card for each data set and each model of a run, as the Hub reads it: what the artifact's own README says, under a header with licence,
 * origins and results. The artifact's README is part of its digest and stays as it is; the card adds what only the run knows.
 */
import fs from "node:fs";
import { parse, stringify } from "yaml";
import { inputDigests } from "../schemas/KeyParts.ts";
import { textBytes } from "./content.ts";
import type { BundleNode, BundleRun, Entry } from "./format.ts";
import { licenseOfData } from "./terms.ts";

type Header = Readonly<Record<string, unknown>>;

interface Readme {
  readonly header: Header;
  readonly body: string;
}

/** Below `data/cards/`, for what the bundle has any file of. */
export const cards = (run: BundleRun, entries: ReadonlyArray<Entry>): ReadonlyArray<Entry> => {
  const files = new Map(entries.map((entry) => [entry.path, entry]));
  const licenses = licensesOf(entries);
  const makers = new Map(run.nodes.toReversed().map((node) => [node.artifact, node]));
  const results = resultsIn(run, makers);
  return [...makers.values()].toReversed().flatMap((node): ReadonlyArray<Entry> => {
    const license = licenses.get(node.artifact);
    if (!hasCard(node) || license === undefined) return [];
    const readme = readmeOf(files.get(`data/artifacts/${node.artifact}/README.md`), node);
    const header =
      node.kind === "model"
        ? modelHeader(node, results.get(node.artifact) ?? [], makers)
        : { language: ["en"], tags: ["synthetic", node.kind] };
    const { configs: _, ...own } = readme.header;
    const text = [
      `---\n${stringify({ license: license.toLowerCase(), ...own, ...header })}---`,
      readme.body.trim(),
      "## In this bundle",
      ...origin(node, makers),
    ];
    return [
      {
        path: `data/${cardPath(node)}`,
        content: textBytes(`${text.join("\n\n")}\n`),
        license: licenseOfData,
      },
    ];
  });
};

/** The terms of an artifact are those of its files. */
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
const cardPath = (node: BundleNode): string => `cards/${cardName(node)}.md`;

const readmeOf = (entry: Entry | undefined, node: BundleNode): Readme => {
  const { content } = entry ?? {};
  const text =
    content === undefined
      ? `# ${node.node}`
      : content instanceof Uint8Array
        ? new TextDecoder().decode(content)
        : fs.readFileSync(content.file, "utf8");
  const parts = /^---\n(?<header>.*?)\n---\n(?<body>.*)$/su.exec(text)?.groups;
  return { header: headerIn(parts?.["header"]), body: parts?.["body"] ?? text };
};

/** A README that somebody brought in may say anything. */
const headerIn = (text: string | undefined): Header => {
  try {
    const header: unknown = parse(text ?? "");
    return typeof header === "object" && header !== null && !Array.isArray(header)
      ? (header as Header)
      : {};
  } catch {
    return {};
  }
};

type Makers = ReadonlyMap<string, BundleNode>;

const modelHeader = (
  model: BundleNode,
  results: ReadonlyArray<Header>,
  makers: Makers,
): Header => ({
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

/** By a model's artifact, what its answers were judged to be. */
const resultsIn = (run: BundleRun, makers: Makers): ReadonlyMap<string, ReadonlyArray<Header>> => {
  const results = new Map<string, Array<Header>>();
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
    `\`${node.node}\` has made it (stage \`${node.stage}\`), as artifact \`${node.artifact}\`.`,
    ...(from.length === 0
      ? []
      : [
          `It was made from ${from.map((one) => (hasCard(one) ? `[${one.node}](${cardName(one)}.md)` : one.node)).join(", ")}.`,
        ]),
    ...(node.kind !== "model" || node.stage === "pretrained"
      ? []
      : [
          base === undefined
            ? "Base model: none, it was trained from random initialisation."
            : `Base model: [${base.node}](${cardName(base)}.md).`,
        ]),
  ];
};

/** The nodes whose artifacts it took, each artifact's first maker. */
const inputsOf = ({ keyParts }: BundleNode, makers: Makers): ReadonlyArray<BundleNode> =>
  inputDigests(keyParts).flatMap((digest) => makers.get(digest) ?? []);

const ancestors = (node: BundleNode, makers: Makers): ReadonlyArray<BundleNode> => {
  const all = new Set(inputsOf(node, makers));
  for (const one of all) for (const above of inputsOf(one, makers)) all.add(above);
  return [...all];
};
