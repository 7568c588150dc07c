/** `README.md`, the page that a reviewer reads first. Its computed tables stand in marked blocks (`format/markdown.ts`). */
import { bytesText, duration } from "../../schemas/quantity.ts";
import type { BundleRun, Claim, Pointer } from "../format/format.ts";
import { groupBy } from "../../stats/groupBy.ts";
import {
  type Lines,
  markdownCode as code,
  markdownTable,
  markdownText as text,
  markedBlock,
} from "../format/markdown.ts";
import type { ClaimingNode } from "./claims.ts";
import { costOf, withUpstream } from "./cost.ts";
import { rebuildLine } from "./rebuildLine.ts";
import type { RunNode } from "./runNodes.ts";

/** The page's contents; the bundle holds all of it, so verifying can recompute the blocks. */
export interface PageContents {
  readonly run: BundleRun;
  readonly nodes: ReadonlyArray<RunNode>;
  readonly pointers: ReadonlyArray<Pointer>;
  readonly claiming: ReadonlyArray<ClaimingNode>;
}

export const readme = (contents: PageContents): string => {
  const { run, claiming, pointers } = contents;
  const sections: ReadonlyArray<Lines> = [
    [`# ${text(run.experiment)}`],
    run.description === undefined ? [] : [text(run.description)],
    ...claimedSections(claiming),
    ...(run.unmade.length === 0 ? [] : unfinishedSections(run)),
    ...(pointers.some(({ needed }) => needed) ? uncheckableSections(contents) : []),
    checking,
    replaying(run),
    ...rerunSections(contents),
    ...leftOutSections(contents),
    folders,
    markedBlock("made-by", [madeBy(run.pipe)]),
  ];
  return sections.flatMap((lines) => (lines.length === 0 ? [] : [...lines, ""])).join("\n");
};

/** Longer tables continue in a JSON file. */
const mostRows = 24;

const claimedSections = (claiming: ReadonlyArray<ClaimingNode>): ReadonlyArray<Lines> => {
  if (claiming.length === 0) return [["The run made no table, so the bundle claims no number."]];
  const legends = new Set(claiming.map(({ legend }) => legend));
  return [
    ...claiming.map((each, index) => markedBlock(`claims ${index + 1}`, claimsTable(each))),
    [
      ...legends,
      "Brackets hold 95 % intervals; – marks a number that is undefined.",
      "`CLAIMS.json` lists every claim with its tolerance in a full rerun, the command that recomputes it, and what that cost here.",
    ],
  ];
};

/** One row a point and one column a headline metric. */
const claimsTable = ({ node, numbers, facts }: ClaimingNode): Lines => {
  const headlines = numbers.filter(({ headline }) => headline !== undefined);
  const columns = [...new Set(headlines.map(({ headline }) => headline!.column))];
  const rows = [...groupBy(headlines, ({ headline }) => headline!.row)];
  const cells = rows.slice(0, mostRows).map(([row, found]) => {
    const byColumn = new Map(found.map((number) => [number.headline!.column, number]));
    return [
      row === "" ? "all" : text(row),
      ...columns.map((column) => estimate(byColumn.get(column))),
      String(Math.max(...found.map(({ n }) => n))),
    ];
  });
  return [
    ...markdownTable([text(node.bundled.node), ...columns.map(text), "n"], cells),
    "",
    ...(rows.length > mostRows ? [`- ${rows.length - mostRows} more rows in CLAIMS.json`] : []),
    ...facts.map((fact) => `- ${text(fact)}`),
  ];
};

const estimate = (found: Pick<Claim, "value" | "low" | "high"> | undefined): string => {
  const { value, low, high } = found ?? { value: null, low: null, high: null };
  if (value === null) return "–";
  const interval = low === null || high === null ? "" : ` [${low.toFixed(3)}, ${high.toFixed(3)}]`;
  return `${value.toFixed(3)}${interval}`;
};

const unfinishedSections = ({ state, unmade }: BundleRun): ReadonlyArray<Lines> => [
  ["## The run is incomplete"],
  ["Some nodes of the experiment have no result. The claims cover the others only."],
  markedBlock("unmade", [
    `- run: ${state}`,
    ...unmade.slice(0, mostRows).map(({ node, state: end }) => `- ${code(node)}: ${end}`),
    ...(unmade.length > mostRows ? [`- ${unmade.length - mostRows} more in run.json`] : []),
  ]),
];

const uncheckableSections = ({ pointers, claiming }: PageContents): ReadonlyArray<Lines> => {
  const needed = pointers.filter((pointer) => pointer.needed);
  const missing = new Set(needed.map(({ artifact }) => artifact));
  const affected = claiming.filter(({ node }) =>
    [...withUpstream([node])].some(({ bundled }) => missing.has(bundled.artifact)),
  );
  return [
    ["## Not everything can be recomputed"],
    [
      "The bundle leaves out files that numbers are computed from. Claims of these nodes can be read; some or all can't be recomputed. `pointers.json` lists the files and the commands that make them.",
    ],
    markedBlock("not-recomputable", [
      `- files: ${needed.length}`,
      ...affected.map(({ node }) => `- ${code(node.bundled.node)}`),
    ]),
  ];
};

const checking: Lines = [
  "## Check it",
  "",
  "Run these in the folder that the archive unpacks to (FOLDER below). No GPU is needed; only `npm install` needs a network.",
  "",
  "- `sha512sum -c manifest-sha512.txt` checks every byte of the payload, in seconds.",
  "- `node data/verify.mjs` (Node 20 or newer) runs levels 1 to 3: the bundle is complete, every number follows from the answers, every key from the experiment. It takes under a minute for most bundles.",
  "- `npx pipe verify FOLDER` does the same with pipe itself; `--level 4` also reruns the cheap stages, `--level 5` the whole experiment.",
  "",
  "`data/source` holds pipe. Copy it out first, because an added file makes the bundle invalid:",
  "",
  "```sh",
  "cp -r data/source ../pipe && cd ../pipe && npm install   # 420 MB",
  "npx pipe verify ../FOLDER",
  "```",
  "",
  "Hashes detect damage, not forgery: whoever changes the bundle can also change its hashes, `verify.mjs` and `data/source`. If you distrust the bundle, take pipe from its own repository and compare the bundle's identity (the SHA-256 of `manifest-sha512.txt`) with the published one.",
  "",
  "Levels 1 to 3 run no training and no other program. They accept what trainings and programs wrote and recompute every number from it; the notes of `verify` name those nodes. `record/` names the machines.",
];

const replaying = ({ overrides }: BundleRun): Lines => [
  "## Replay it",
  "",
  "This imports the bundle's artifacts into a store and runs only what is missing. With a changed option it runs only what depends on that option:",
  "",
  "```sh",
  "cp ../FOLDER/data/experiment.yaml .",
  `${rebuildLine(overrides)} --from-bundle ../FOLDER`,
  "```",
];

const rerunSections = ({ run, nodes, claiming }: PageContents): ReadonlyArray<Lines> => {
  const row = (
    command: string,
    { seconds, bytes, gpu }: Pick<Claim, "seconds" | "bytes" | "gpu">,
  ): Lines => [code(command), duration(seconds), bytesText(bytes), gpu ? "yes" : "no"];
  const each = claiming.flatMap(({ claims: [first] }) =>
    first === undefined ? [] : [row(first.command, first)],
  );
  const all = row(rebuildLine(run.overrides), costOf(nodes));
  return [
    ["## Rerun it from nothing"],
    [
      "Times add up the nodes as they ran here; parallel nodes take less. Results are kept, so a later command reruns nothing that an earlier one made.",
    ],
    markedBlock("cost", markdownTable(["command", "time", "disk", "GPU"], [...each, all])),
    [
      "Training needs Python 3.11 or newer; pipe installs `environment/requirements.lock` on first use. Training on another machine gives slightly different numbers, so each claim that depends on it has a tolerance: the half width of its interval or, if larger, the spread between seeds. All other claims have tolerance 0.",
    ],
  ];
};

const reasons: { readonly [why in Pointer["why"]]: string } = {
  weights: "model weights",
  size: "too large",
  missing: "no longer in the store",
};

const leftOutSections = ({ pointers, nodes }: PageContents): ReadonlyArray<Lines> => {
  const heading = ["## Files left out"];
  if (pointers.length === 0) return [heading, markedBlock("left-out", ["None."])];
  const stageOf = new Map(
    nodes.toReversed().map(({ bundled }) => [bundled.artifact, bundled.stageName]),
  );
  const groups = groupBy(pointers, ({ artifact, why }) =>
    JSON.stringify([stageOf.get(artifact) ?? "", why]),
  );
  const rows = [...groups].map(([key, group]): Lines => {
    const [stage = ""] = JSON.parse(key) as Lines;
    const [{ why, rebuild }] = group as [Pointer];
    const bytes = group.reduce((sum, pointer) => sum + pointer.size, 0);
    return [text(stage), reasons[why], String(group.length), bytesText(bytes), code(rebuild)];
  });
  return [
    heading,
    markedBlock(
      "left-out",
      markdownTable(["stage", "reason", "files", "size", "first rebuilt by"], rows),
    ),
    ["`pointers.json` has the SHA-256 and the command of each file."],
  ];
};

const folders: Lines = [
  "## Contents of `data/`",
  "",
  "- `ro-crate-preview.html`: the report of the run, to open in a browser: tables, figures, answers",
  "- `CLAIMS.json`: every claimed number",
  "- `experiment.yaml`, `run.json`: the experiment; every node with its keys and files",
  "- `artifacts/`: the results, one folder an artifact, named by its digest",
  "- `pointers.json`: the files left out",
  "- `ro-crate-metadata.json`, `croissant.json`, `cards/`: the bundle, its data sets and its models described for programs and for the Hub",
  "- `environment/`, `source/`: the locked packages and pipe's sources",
  "- `LICENSES/`: the licences",
  "",
  "Beside `data/`, `record/` lists every attempt with its cost, failed ones too, and the machines. It is not part of the bundle's identity.",
];

const madeBy = ({ version, commit }: BundleRun["pipe"]): string =>
  `pipe ${version}, ${commit === undefined ? "commit not recorded" : `commit ${commit}`}`;
