/** A data set, transcripts or a model of the store, as a repository that `load_dataset` or `from_pretrained` reads. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { type CardHeader, parseCard } from "../bundle/describe/cards.ts";
import { inPathOrder } from "../bundle/format/content.ts";
import { markdownCode, markdownTable } from "../bundle/format/markdown.ts";
import { licenseOf, unstated } from "../bundle/write/licenses.ts";
import { Store } from "../cache/Store.ts";
import { columnMeanings } from "../kinds/columnMeanings.ts";
import { isOfDataset } from "../kinds/isOfDataset.ts";
import { isMicro, isOfWeights } from "../kinds/Model.ts";
import type { Artifact } from "../schemas/Artifact.ts";
import { originOf } from "../stages/audits.ts";
import { cardBytes, licenseHeader } from "./card.ts";
import { type MadeNode, madeNode } from "./MadeNode.ts";
import { cardFile, type Publication } from "./Publication.ts";
import { PushRefused } from "./PushRefused.ts";

export interface ArtifactTerms {
  /** `owner/name`, for the example in the card. */
  readonly repo: string;
  /** An SPDX identifier that the author states. */
  readonly license: string | undefined;
}

export const artifactPublication = Effect.fn("artifactPublication")(function* (
  artifact: Artifact,
  { repo, license: stated }: ArtifactTerms,
) {
  const store = yield* Store;
  const { digest, kind } = artifact;
  const isModel = kind === "model";
  if (!isModel && kind !== "dataset" && kind !== "transcripts")
    return yield* new PushRefused({
      message: `${digest.slice(0, 12)} is of the kind ${kind}; data sets, transcripts and models can be pushed`,
      fix: "pack its run with `pipe bundle RUN`, and push the archive",
    });
  const made = yield* store.query((index) =>
    madeNode(digest, (artifact) => index.actionsOf(artifact)),
  );
  const license = stated ?? (made === undefined ? unstated : licenseOf(made, new Map()));
  if (license === unstated)
    return yield* new PushRefused({
      message: `the licence of ${nameOf(digest, made)} is unknown, since it is, or was made from, something that others wrote`,
      fix: "state it: --license ID, an SPDX identifier such as CC-BY-4.0",
    });
  const directory = store.directoryOf(digest);
  const readme = parseCard(textOf(path.join(directory, cardFile)));
  const own = isModel
    ? modelCard(artifact, made, readme.header)
    : dataCard(repo, made, readme.header);
  return {
    type: isModel ? "model" : "dataset",
    title: `${kind} ${nameOf(digest, made)}`,
    folder: "",
    files: inPathOrder(artifact.files)
      .filter(({ path: name }) => name !== cardFile)
      .map(({ path: name, size, sha256 }) => ({
        path: name,
        sha256,
        content: { file: path.join(directory, name), size },
      })),
    card: cardBytes({ ...licenseHeader(license), ...own.header }, [
      ...own.before,
      readme.body.trim() || `# ${repo.split("/")[1]}`,
      ...own.after,
      ["## Origin", "", ...origin(digest, made)].join("\n"),
    ]),
    replaces: isModel ? isOfWeights : isOfDataset,
    recorded: new Map(),
  } satisfies Publication as Publication;
});

interface OwnCard {
  readonly header: CardHeader;
  readonly before: ReadonlyArray<string>;
  readonly after: ReadonlyArray<string>;
}

const modelCard = (artifact: Artifact, made: MadeNode | undefined, header: CardHeader): OwnCard => {
  const bases = [...new Set(importedModels(made))];
  const isMarked = tagsOf(header).includes(microTag);
  const micro = isMicro(artifact) && !isMarked;
  return {
    header: {
      library_name: "transformers",
      pipeline_tag: "image-text-to-text",
      ...header,
      tags: [...(micro ? [microTag] : []), ...tagsOf(header)],
      ...(bases.length === 0 ? {} : { base_model: bases.length === 1 ? bases[0] : bases }),
    },
    before: micro
      ? ["> **Micro model**: too small for any use but studying how such models are trained."]
      : [],
    after: [],
  };
};

const microTag = "micro-model";

const dataCard = (repo: string, made: MadeNode | undefined, header: CardHeader): OwnCard => ({
  header: {
    language: ["en"],
    task_categories: ["image-text-to-text"],
    tags: made !== undefined && isSynthetic(made) ? ["synthetic"] : [],
    ...header,
  },
  before: [],
  after: [
    [
      "## Columns",
      "",
      ...markdownTable(
        ["column", "content"],
        Object.entries(columnMeanings).map(([name, meaning]) => [markdownCode(name), meaning]),
      ),
      "",
      "```python",
      "from datasets import load_dataset",
      "",
      `rows = load_dataset(${JSON.stringify(repo)})`,
      "```",
    ].join("\n"),
  ],
});

const origin = (digest: string, made: MadeNode | undefined): ReadonlyArray<string> => [
  ...(made === undefined
    ? []
    : [
        `The stage \`${made.action.stage}\` of \`pipe\` made it as ${markdownCode(made.action.node)} of the experiment ${markdownCode(made.action.experiment)}.`,
      ]),
  `Its artifact is \`${digest}\`: the SHA-256 of the list of its files.`,
];

const nameOf = (digest: string, made: MadeNode | undefined): string => {
  const short = digest.slice(0, 12);
  return made === undefined ? short : `${short} (${made.action.experiment}, ${made.action.node})`;
};

const tagsOf = ({ tags }: CardHeader): ReadonlyArray<unknown> => (Array.isArray(tags) ? tags : []);

const isSynthetic = ({ action, from }: MadeNode): boolean =>
  originOf(action.stage) !== "imported" &&
  originOf(action.stage) !== "program" &&
  from.every(isSynthetic);

/** Names on the Hub of the models that a model was trained from. */
const importedModels = (made: MadeNode | undefined): ReadonlyArray<string> => {
  if (made === undefined) return [];
  const { params } = made.action.keyParts as { readonly params?: { readonly repo?: unknown } };
  if (originOf(made.action.stage) === "imported")
    return typeof params?.repo === "string" ? [params.repo] : [];
  return made.from.filter(({ bundled }) => bundled.kind === "model").flatMap(importedModels);
};

const textOf = (file: string): string => (fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "");
