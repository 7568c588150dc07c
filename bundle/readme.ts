/** The page that a reviewer reads first: what is claimed, how to check it, what it takes, and what is not there. */
import type { Correlations, Estimate } from "../schemas/Correlation.ts";
import type { Table } from "../schemas/Table.ts";
import type { ClaimingNode } from "./claims.ts";
import { costOf, withAllAbove } from "./cost.ts";
import type { BundleRun, Claim, Pointer } from "./format.ts";
import { bytesText, duration } from "../schemas/quantity.ts";
import { grouped } from "./grouped.ts";
import { rebuildLine } from "./rebuildLine.ts";
import type { RunNode } from "./runNodes.ts";

/** What the page is made of: all of it stands in the bundle, so that verifying makes the page once more. */
export interface Told {
  readonly run: BundleRun;
  readonly nodes: ReadonlyArray<RunNode>;
  readonly pointers: ReadonlyArray<Pointer>;
  readonly claiming: ReadonlyArray<ClaimingNode>;
}

export const readme = (told: Told): string => {
  const { run, claiming } = told;
  const sections = [
    [
      `# ${text(run.experiment)}`,
      ...(run.description === undefined ? [] : ["", text(run.description)]),
    ],
    claimed(claiming),
    unfinished(run),
    uncheckable(told),
    checking(told),
    replaying(run),
    again(told),
    leftOut(told),
    contents(run),
  ];
  return `${sections.flatMap((lines) => (lines.length === 0 ? [] : [...lines, ""])).join("\n")}`;
};

/** On one line, and without what moves a cursor or turns text around. */
const plain = (words: string): string =>
  words.replace(/\s+/gu, " ").replace(/[\p{Cc}\p{Cf}]/gu, "\u{FFFD}");

/** Labels and names are what people wrote, and this is Markdown. */
const text = (words: string): string =>
  plain(words).replace(/[\\|<>*_`[\]]/gu, (character) => `\\${character}`);

const code = (command: string): string =>
  `\`${plain(command).replaceAll("`", "'").replaceAll("|", "\\|")}\``;

const table = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): ReadonlyArray<string> =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);

/** More stand in CLAIMS.json; a page of them is not read. */
const mostRows = 24;

const claimed = (claiming: ReadonlyArray<ClaimingNode>): ReadonlyArray<string> => {
  if (claiming.length === 0) return ["This run has made no table: the bundle claims no number."];
  const all = claiming.reduce((sum, { claims }) => sum + claims.length, 0);
  return [
    ...claiming.flatMap((each) => [...claimsTable(each), "", ...fromNothing(each)]),
    `Each number with its 95 % interval. All ${all} claims, with how to get each again, how far a full re-run may be off, and what it took here, are in \`CLAIMS.json\`.`,
  ];
};

const fromNothing = ({ claims: [first] }: ClaimingNode): ReadonlyArray<string> => {
  if (first === undefined) return [];
  const { command, seconds, bytes, gpu } = first;
  return [
    `From nothing: ${code(command)}, ${duration(seconds)} and ${bytesText(bytes)} here, ${gpu ? "with" : "without"} a GPU.`,
    "",
  ];
};

/** A node's numbers as the page shows them; verifying makes these lines once more. */
export const claimsTable = (claiming: ShownNumbers): ReadonlyArray<string> => {
  const name = text(claiming.node.told.node);
  return claiming.kind === "table"
    ? accuracyTable(name, claiming.made)
    : correlationTable(name, claiming.made);
};

type ShownNumbers = { readonly node: { readonly told: { readonly node: string } } } & (
  | { readonly kind: "table"; readonly made: Table }
  | { readonly kind: "correlations"; readonly made: Correlations }
);

const accuracyTable = (name: string, made: Table): ReadonlyArray<string> => {
  const pooled = made.pooled.length > 0;
  const rows = pooled ? made.pooled : made.rows;
  const over = pooled ? [made.pooledOver.map(text).join(", ")] : [];
  return [
    ...table(
      [name, "a", "a\\_p", "a\\_r", "examples", ...over],
      rows
        .slice(0, mostRows)
        .map((row) => [
          labels(row.labels),
          estimate(row.a),
          estimate(row.a_p),
          estimate(row.a_r),
          String(row.a?.n ?? row.a_r?.n ?? 0),
          ...(pooled ? [`${row.points} pooled`] : []),
        ]),
    ),
    "",
    `${made.models.map(text).join(", ")}. ${made.interval} over the examples. a: answers right; a\\_p: captions right; a\\_r: answers right from the right caption.${more(rows)}`,
  ];
};

const targets = ["perception", "reasoning", "counterfactual"] as const;

const correlationTable = (
  name: string,
  { models, interval, points, across }: Correlations,
): ReadonlyArray<string> => {
  const rows = points.map(({ labels: row, associations, rollouts, prompts }) => [
    labels(row),
    ...targets.map((target) => {
      const found = associations.find(
        (each) => each.reward === "outcome" && each.target === target,
      );
      // Counterfactual answers are the prompt's: a single rollout has none.
      return estimate(target === "counterfactual" ? found?.prompt_means : found?.pooled);
    }),
    `${rollouts.end_to_end} of ${prompts} prompts`,
  ]);
  const ranks = across
    .filter(({ reward }) => reward === "outcome")
    .map(
      ({ target, checkpoints, spearman }) =>
        `${target} ${estimate(spearman)} (${checkpoints} checkpoints)`,
    );
  return [
    ...table([name, ...targets, "rollouts"], rows.slice(0, mostRows)),
    "",
    `${models.map(text).join(", ")}. Correlation of the outcome with each over all rollouts, with counterfactual reasoning over the prompts' means; intervals by resampling ${interval.clusters} (${text(interval.method)}); – where one of the two never changes. Rank correlation of checkpoints' means: ${ranks.join(", ")}.${more(rows)}`,
  ];
};

const more = (rows: ReadonlyArray<unknown>): string =>
  rows.length <= mostRows ? "" : ` ${rows.length - mostRows} more rows in \`CLAIMS.json\`.`;

const labels = (row: Claim["row"]): string => {
  const words = Object.entries(row).map(([axis, label]) => `${axis}=${label}`);
  return words.length === 0 ? "all" : text(words.join(", "));
};

const estimate = (found: Omit<Estimate, "reason"> | null | undefined): string => {
  const { value, low, high } = found ?? unknown;
  if (value === null) return "–";
  const interval = low === null || high === null ? "" : ` [${low.toFixed(3)}, ${high.toFixed(3)}]`;
  return `${value.toFixed(3)}${interval}`;
};

const unknown = { value: null, low: null, high: null };

const unfinished = ({ state, unmade }: BundleRun): ReadonlyArray<string> => {
  if (unmade.length === 0) return [];
  const shown = unmade.slice(0, mostRows);
  return [
    "## The run is not whole",
    "",
    `It ended as *${state}*; ${unmade.length} of its nodes were not made, and the claims are of what there is:`,
    "",
    ...shown.map(({ node, state }) => `- ${code(node)}: ${state}`),
    ...(unmade.length > shown.length ? [`- and ${unmade.length - shown.length} others`] : []),
  ];
};

const uncheckable = ({ pointers, claiming }: Told): ReadonlyArray<string> => {
  const needed = pointers.filter((pointer) => pointer.needed);
  if (needed.length === 0) return [];
  const gone = new Set(needed.map(({ artifact }) => artifact));
  const missesSome = ({ node }: ClaimingNode) =>
    [...withAllAbove([node])].some(({ told }) => gone.has(told.artifact));
  const names = claiming.filter(missesSome).map(({ node }) => code(node.told.node));
  return [
    "## Not everything can be recomputed",
    "",
    `${needed.length === 1 ? "One file" : `${needed.length} files`} that numbers follow from ${needed.length === 1 ? "is" : "are"} not here; \`pointers.json\` has what it is and the command that makes it again. Claims that need it can be read, not recomputed: some or all of ${names.join(", ") || "none of those above"}.`,
  ];
};

const checking = ({ nodes, pointers }: Told): ReadonlyArray<string> => {
  const artifacts = new Map(nodes.map(({ told, bytes }) => [told.artifact, bytes]));
  const left = pointers.reduce((sum, { size }) => sum + size, 0);
  const bytes = [...artifacts.values()].reduce((sum, each) => sum + each, -left);
  return [
    "## Check it",
    "",
    "In the folder that the archive unpacks to (below: FOLDER). No GPU and no network are needed but for `npm install`; unpacked it takes " +
      `${bytesText(bytes)}, and a few more for what describes it.`,
    "",
    ...table(
      ["command", "says whether", "needs", "time"],
      [
        [
          code("sha512sum -c manifest-sha512.txt"),
          "every byte is as it was",
          "coreutils",
          "seconds",
        ],
        [
          code("node data/verify.mjs"),
          "the bundle is whole, every number follows from the answers, every key from what was asked (levels 1 to 3)",
          "Node ≥ 20",
          "under a minute for a bundle of usual size",
        ],
        [
          code("npx pipe verify FOLDER"),
          "the same; `--level 4` makes cheap stages again, `--level 5` everything",
          "pipe, below",
          "as above; level 5 as in the last table",
        ],
      ],
    ),
    "",
    "pipe itself is in `data/source`. Copy it out, as nothing may be added to the bundle:",
    "",
    "```sh",
    "cp -r data/source ../pipe && cd ../pipe && npm install   # 420 MB",
    "npx pipe verify ../FOLDER",
    "```",
    "",
    "Hashes find damage; whoever can change the bundle can change them, and `verify.mjs` and `data/source`, too: for doubts of that kind take pipe from its own repository, and compare the identity, the SHA-256 of `manifest-sha512.txt`, with what was published.",
    "",
    "Up to level 3 trainings and other programs are not run: what they have made is taken as it stands, and every number is made of it once more. The notes that verifying prints say of which nodes that is so. Under `record/` is on which machines the work was done.",
  ];
};

const replaying = (run: BundleRun): ReadonlyArray<string> => [
  "## Replay it",
  "",
  "What is here is taken into a store, and only the rest is made. With another option, only what depends on it:",
  "",
  "```sh",
  "cp ../FOLDER/data/experiment.yaml .",
  `${rebuildLine(run.overrides)} --from-bundle ../FOLDER`,
  "```",
];

const again = ({ run, nodes, claiming }: Told): ReadonlyArray<string> => {
  const row = (
    command: string,
    { seconds, bytes, gpu }: Pick<Claim, "seconds" | "bytes" | "gpu">,
  ) => [code(command), duration(seconds), bytesText(bytes), gpu ? "yes" : "no"];
  const each = claiming.flatMap(({ claims: [first] }) =>
    first === undefined ? [] : [row(first.command, first)],
  );
  return [
    "## From nothing",
    "",
    "What the nodes took here, one after the other; beside one another they take less. What is made is kept, so the later lines cost only what the earlier have not made.",
    "",
    ...table(
      ["command", "time", "disk", "asks for a GPU"],
      [...each, row(rebuildLine(run.overrides), costOf(nodes))],
    ),
    "",
    "Training also needs Python from 3.11 on; its packages (`environment/requirements.lock`) are installed when they are first needed. On another machine training comes out a little otherwise, so a claim that depends on it has a tolerance in `CLAIMS.json`: the half width of its interval, or what the seeds span where that is more. What does not depend on training has the tolerance 0.",
  ];
};

const reasons: { readonly [why in Pointer["why"]]: string } = {
  weights: "model weights",
  size: "too big to go along",
  missing: "no longer in the store",
};

const leftOut = ({ pointers, nodes }: Told): ReadonlyArray<string> => {
  if (pointers.length === 0) return ["## What is left out", "", "Nothing."];
  const stageOf = new Map(nodes.toReversed().map(({ told }) => [told.artifact, told.stageName]));
  const groups = grouped(pointers, ({ artifact, why }) =>
    JSON.stringify([stageOf.get(artifact) ?? "", why]),
  );
  return [
    "## What is left out",
    "",
    ...table(
      ["stage", "why", "files", "size", "made again by"],
      [...groups].map(([key, group]) => {
        const [stage = ""] = JSON.parse(key) as ReadonlyArray<string>;
        const [{ why, rebuild }] = group as [Pointer];
        const bytes = group.reduce((sum, pointer) => sum + pointer.size, 0);
        return [
          text(stage),
          reasons[why],
          String(group.length),
          bytesText(bytes),
          group.length === 1 ? code(rebuild) : `${code(rebuild)} and so on`,
        ];
      }),
    ),
    "",
    "Each file with its SHA-256 and its command is in `pointers.json`.",
  ];
};

const contents = (run: BundleRun): ReadonlyArray<string> => [
  "## What lies where",
  "",
  ...table(
    ["in `data/`", ""],
    [
      ["`CLAIMS.json`", "every number that is claimed"],
      ["`experiment.yaml`, `run.json`", "what was asked; every node with its keys and files"],
      ["`artifacts/`", "what the nodes made: a folder an artifact, by digest"],
      ["`pointers.json`", "what is left out"],
      [
        "`ro-crate-metadata.json`, `croissant.json`, `cards/`",
        "the same for machines; data sets and models described",
      ],
      ["`environment/`, `source/`", `locked packages; ${sourceOf(run.pipe)}`],
      ["`LICENSES/`", "the terms"],
    ],
  ),
  "",
  "`record/` beside `data/` has every attempt, failed ones too, with what it cost, and the machines. It is no part of the bundle's identity.",
];

const sourceOf = ({ version, commit }: BundleRun["pipe"]): string =>
  `pipe ${version}${commit === undefined ? ", of no commit that is named here" : ` at commit ${commit}`}, which wrote this bundle`;
