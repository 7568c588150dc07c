/**
 * Level 3: every number from what it is made of. The stages that judge and count are run once more on the bundle's own files, in a
 * folder of ours, and what they make is held against what the bundle says, number by number.
 */
import fs from "node:fs";
import path from "node:path";
import { inputDigests } from "../../schemas/KeyParts.ts";
import type { OpenBundle } from "../open.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { verifyClaims } from "./claims.ts";
import { verifyCode } from "./code.ts";
import {
  type Contents,
  directoryOf,
  folderOf,
  pointersFile,
  readContents,
  runFile,
} from "./Contents.ts";
import { verifyDescribed } from "./described.ts";
import { differencesOf } from "./difference.ts";
import { verifyEnvironments } from "./environments.ts";
import { verifyKeys } from "./keys.ts";
import type { Placed } from "./placed.ts";
import { verifyPredictions } from "./predictions.ts";
import { remake, type Remade } from "./remake.ts";
import { verifyRollouts } from "./rollouts.ts";
import { Splits } from "./splits.ts";

/** `scratch` is a folder for what is made once more. */
export async function* verifyNumbers(bundle: OpenBundle, scratch: string): AsyncGenerator<Check> {
  const contents = readContents(bundle);
  const { check, placed } = verifyKeys(contents);
  yield check;
  // Params and inputs are the spec's: what is made once more is what was asked.
  if (!check.ok || placed === undefined) return;
  yield verifyCode(contents);
  yield verifyEnvironments(contents);
  const splits = new Splits(contents, placed);
  yield await verifyPredictions(contents, placed, splits);
  yield await remadeAlike("scores", "score", contents, placed, scratch);
  yield await verifyRollouts(contents, placed, splits);
  yield await remadeAlike("tables", "summarize", contents, placed, scratch);
  yield await remadeAlike("correlations", "correlate", contents, placed, scratch);
  yield verifyClaims(contents);
  yield verifyDescribed(contents);
}

/** All nodes of a stage, made once more from the artifacts of the bundle. */
const remadeAlike = async (
  what: string,
  stage: string,
  contents: Contents,
  placed: ReadonlyArray<Placed>,
  scratch: string,
): Promise<Check> => {
  const findings = new Findings(3, what);
  const bundledOf = new Map(placed.map(({ node, bundled }) => [node, bundled]));
  const nodes = placed.filter(({ node }) => node.stage.name === stage);
  const inputs = {
    bundledOf: (node: Placed["node"]) => bundledOf.get(node)!,
    directoryOf: (node: Placed["node"]) => directoryOf(contents, bundledOf.get(node)!.artifact),
  };
  let numbers = 0;
  for (const each of nodes) {
    const remade = await remake(each, inputs, scratch);
    if (typeof remade === "string") {
      const message = `${each.node.name} can't be made from the bundle's files`;
      const from = inputFolders(each.bundled);
      const left = contents.pointers.filter(({ artifact }) => from.includes(folderOf(artifact)));
      const found =
        left.length === 0
          ? remade
          : `${remade}; ${counted(left.length, "file")} of its inputs left out, see ${pointersFile}`;
      const file = folderOf(each.bundled.artifact);
      findings.add({ file, expected: "what it is made of", found, message, from });
    } else {
      numbers += compareFiles(contents, each, remade, findings);
      fs.rmSync(remade.directory, { recursive: true });
    }
  }
  return findings.check(`${counted(nodes.length, "node")}, ${counted(numbers, "value")}`);
};

const compareFiles = (
  contents: Contents,
  { node, bundled }: Placed,
  remade: Remade,
  findings: Findings,
): number => {
  const folder = folderOf(bundled.artifact);
  let numbers = 0;
  for (const each of differencesOf(remade.summary, bundled.summary))
    findings.add({
      file: runFile,
      number: `${node.name}: summary.${each.path}`,
      expected: each.expected,
      found: each.found,
      message: "is not what its inputs give",
      from: [folder],
    });
  const names = new Set([...remade.files, ...bundled.files.map((file) => file.path)]);
  for (const name of [...names].sort()) {
    const file = `${folder}/${name}`;
    const expected = remade.files.includes(name)
      ? fs.readFileSync(path.join(remade.directory, name), "utf8")
      : undefined;
    const found = contents.bundle.files.has(file)
      ? contents.bundle.read(file).toString("utf8")
      : undefined;
    const about = {
      file,
      message: `is not what the inputs of ${node.name} give`,
      from: inputFolders(bundled),
    };
    if (expected === undefined || found === undefined) {
      const state = (text: string | undefined) => (text === undefined ? "absent" : "present");
      findings.add({ ...about, expected: state(expected), found: state(found) });
      continue;
    }
    const values = parsed(name, expected);
    numbers += countValues(values);
    if (expected === found) continue;
    const differences = differencesOf(values, parsed(name, found));
    for (const { path: number, ...sides } of differences)
      findings.add({ ...about, number, ...sides });
    if (differences.length === 0)
      findings.add({
        ...about,
        expected: "the same text",
        found: "the same values, written otherwise",
      });
  }
  return numbers;
};

const countValues = (value: unknown): number =>
  typeof value === "object" && value !== null
    ? Object.values(value).reduce((sum: number, inner) => sum + countValues(inner), 0)
    : 1;

/** Text as values that have names. */
const parsed = (name: string, text: string): unknown => {
  if (name.endsWith(".json")) return JSON.parse(text) as unknown;
  const lines = text.split(/\r?\n/u);
  return name.endsWith(".jsonl")
    ? lines.map((line): unknown => (line === "" ? line : JSON.parse(line)))
    : lines;
};

/** Where the files lie that a node is made of. */
const inputFolders = ({ keyParts }: Placed["bundled"]): ReadonlyArray<string> =>
  [...new Set(inputDigests(keyParts))].map(folderOf);
