/** The page that a reviewer reads first: what is claimed, how to check it, what it takes, and what is not there. */
import type { TableRow } from "../schemas/Table.ts";
import type { BundledRun } from "./BundledRun.ts";
import type { ClaimingNode } from "./claims.ts";
import { sizeOf } from "./content.ts";
import { costOf } from "./cost.ts";
import type { Claim, Pointer } from "./format.ts";
import { runCommand, size, time } from "./words.ts";

export const readme = (bundled: BundledRun, claiming: ReadonlyArray<ClaimingNode>): string => {
  const { run } = bundled;
  const sections = [
    [
      `# ${text(run.experiment)}`,
      ...(run.description === undefined ? [] : ["", text(run.description)]),
    ],
    claimed(claiming),
    unfinished(bundled),
    uncheckable(bundled),
    checking(bundled),
    replaying(bundled),
    again(bundled, claiming),
    leftOut(bundled),
    contents(bundled),
  ];
  return `${sections.flatMap((lines) => (lines.length === 0 ? [] : [...lines, ""])).join("\n")}`;
};

/** Labels and names are what people wrote, and this is Markdown. */
const text = (words: string): string =>
  words.replace(/\s+/gu, " ").replace(/[\\|<>*_`[\]]/gu, (character) => `\\${character}`);

const code = (command: string): string =>
  `\`${command.replaceAll("`", "'").replaceAll("|", "\\|")}\``;

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
    `From nothing: ${code(command)}, ${time(seconds)} and ${size(bytes)} here, ${gpu ? "with" : "without"} a GPU.`,
    "",
  ];
};

const claimsTable = ({ node, claims, table: made }: ClaimingNode): ReadonlyArray<string> => {
  const name = text(node.told.node);
  if (made === undefined) return correlationTable(name, claims);
  const pooled = made.pooled.length > 0;
  const rows = pooled ? made.pooled : made.rows;
  const shown = rows.slice(0, mostRows);
  return [
    ...table(
      [
        name,
        "a",
        "a\\_p",
        "a\\_r",
        "examples",
        ...(pooled ? [made.pooledOver.map(text).join(", ")] : []),
      ],
      shown.map((row) => [
        labels(row.labels),
        percent(row.a),
        percent(row.a_p),
        percent(row.a_r),
        String(row.a?.n ?? row.a_r?.n ?? 0),
        ...(pooled ? [`${row.points} pooled`] : []),
      ]),
    ),
    "",
    `${made.models.map(text).join(", ")}. Percent, ${made.interval} over the examples. a: answers right; a\\_p: captions right; a\\_r: answers right from the right caption.${more(rows.length - shown.length)}`,
  ];
};

const correlationTable = (name: string, claims: ReadonlyArray<Claim>): ReadonlyArray<string> => {
  const headline = claims.filter(({ metric }) =>
    /^outcome\.[a-z]+\.(?:pooled|across)$/u.test(metric),
  );
  const shown = headline.slice(0, mostRows);
  return [
    ...table(
      [name, "correlation", "n"],
      shown.map((claim) => [text(claim.text), estimate(claim), String(claim.n)]),
    ),
    ...(headline.length > shown.length ? ["", more(headline.length - shown.length).trim()] : []),
  ];
};

const more = (count: number): string => (count === 0 ? "" : ` ${count} more in \`CLAIMS.json\`.`);

const labels = (row: Claim["row"]): string => {
  const words = Object.entries(row).map(([axis, label]) => `${axis}=${label}`);
  return words.length === 0 ? "all" : text(words.join(", "));
};

const percent = (metric: TableRow["a"]): string => {
  if (metric === null) return "–";
  const of = (share: number) => (share * 100).toFixed(1);
  return `${of(metric.value)} [${of(metric.low)}, ${of(metric.high)}]`;
};

const estimate = ({ value, low, high }: Claim): string => {
  if (value === null) return "–";
  const interval = low === null || high === null ? "" : ` [${low.toFixed(3)}, ${high.toFixed(3)}]`;
  return `${value.toFixed(3)}${interval}`;
};

const unfinished = ({ state, unmade }: BundledRun): ReadonlyArray<string> => {
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

const uncheckable = ({ needed, nodes }: BundledRun): ReadonlyArray<string> => {
  if (needed.size === 0) return [];
  const without = new Set([...needed].map(({ artifact }) => artifact));
  const names = nodes.filter(({ told }) => without.has(told.artifact)).map(({ told }) => told.node);
  const shown = names.slice(0, mostRows);
  return [
    "## Not everything can be recomputed",
    "",
    `${needed.size === 1 ? "A file" : `${needed.size} files`} that numbers follow from ${needed.size === 1 ? "is" : "are"} not here (\`pointers.json\` has what and how to make it again). What follows from these nodes can be read and not recomputed:`,
    "",
    ...shown.map((node) => `- ${code(node)}`),
    ...(names.length > shown.length ? [`- and ${names.length - shown.length} others`] : []),
  ];
};

const checking = ({ entries }: BundledRun): ReadonlyArray<string> => {
  const bytes = entries.reduce((sum, { content }) => sum + sizeOf(content), 0);
  return [
    "## Check it",
    "",
    "In the folder that the archive unpacks to (below: FOLDER). No GPU and no network are needed but for `npm install`; unpacked it takes " +
      `${size(bytes)} and what it is described by.`,
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
    "Hashes find damage; whoever can change the bundle can change them, too. The identity to compare with what was published is the SHA-256 of `manifest-sha512.txt`.",
  ];
};

const replaying = ({ run }: BundledRun): ReadonlyArray<string> => [
  "## Replay it",
  "",
  "What is here is taken into a store, and only the rest is made. With another option, only what depends on it:",
  "",
  "```sh",
  "cp ../FOLDER/data/experiment.yaml .",
  `${runCommand(run.overrides)} --from-bundle ../FOLDER`,
  "```",
];

const again = (
  bundled: BundledRun,
  claiming: ReadonlyArray<ClaimingNode>,
): ReadonlyArray<string> => {
  const row = (
    command: string,
    { seconds, bytes, gpu }: Pick<Claim, "seconds" | "bytes" | "gpu">,
  ) => [code(command), time(seconds), size(bytes), gpu ? "yes" : "no"];
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
      [...each, row(runCommand(bundled.run.overrides), costOf(bundled.nodes))],
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

const leftOut = ({ pointers, nodes }: BundledRun): ReadonlyArray<string> => {
  if (pointers.length === 0) return ["## What is left out", "", "Nothing."];
  const stageOf = new Map(nodes.toReversed().map(({ told }) => [told.artifact, told.stageName]));
  const groups = Map.groupBy(pointers, ({ artifact, why }) =>
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
          size(bytes),
          group.length === 1 ? code(rebuild) : `${code(rebuild)} and so on`,
        ];
      }),
    ),
    "",
    "Each file with its SHA-256 and its command is in `pointers.json`.",
  ];
};

const contents = ({ run }: BundledRun): ReadonlyArray<string> => [
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

const sourceOf = ({ version, commit }: BundledRun["run"]["pipe"]): string =>
  `pipe ${version}${commit === undefined ? ", of no commit that is named here" : ` at commit ${commit}`}, which wrote this bundle`;
