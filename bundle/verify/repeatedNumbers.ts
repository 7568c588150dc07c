/** Repeats the stages that compute numbers on the bundle's own files and compares the results value by value. */
import fs from "node:fs";
import path from "node:path";
import type { Node } from "../../pipelines/experiment/Node.ts";
import { inputDigests, recordedParts } from "../../schemas/KeyParts.ts";
import { numberRuns } from "../../stages/numberRuns.ts";
import { type Check, counted, Findings } from "./Check.ts";
import type { CompiledNode } from "./compiledNodes.ts";
import { type Contents, directoryOf, folderOf, pointersFile, runFile } from "./Contents.ts";
import { comparedNumbers } from "./comparedNumbers.ts";
import { differencesOf } from "./difference.ts";
import { rerunStage, type StageRerun } from "./rerunStage.ts";

/** A check for each stage of `numberRuns`, named after it: several make one kind of results. */
export const repeatNumbers = async function* (
  contents: Contents,
  compiled: ReadonlyArray<CompiledNode>,
  scratch: string,
): AsyncGenerator<Check> {
  const bundledOf = new Map(compiled.map(({ node, bundled }) => [node, bundled]));
  const inputs = {
    bundledOf: (node: Node) => bundledOf.get(node)!,
    directoryOf: (node: Node) => directoryOf(contents, bundledOf.get(node)!.artifact),
  };
  for (const { stage } of numberRuns.values()) {
    const findings = new Findings(3, stage.name);
    const all = compiled.filter(({ node }) => node.stage.name === stage.name);
    const nodes = all.filter(
      ({ bundled }) => recordedParts(bundled.keyParts).version === stage.version,
    );
    if (nodes.length < all.length)
      findings.limit(
        `${counted(all.length - nodes.length, "node")} of another version of \`${stage.name}\`: the bundle's own verify.mjs recomputes them`,
      );
    let values = 0;
    for (const each of nodes) {
      const rerun = await rerunStage(each, inputs, numberRuns, scratch);
      if (typeof rerun === "string") addFailure(contents, each, rerun, findings);
      else {
        values += compareFiles(contents, each, rerun, findings);
        findings.compare(comparedNumbers(contents.claims, each, rerun));
        fs.rmSync(rerun.directory, { recursive: true });
      }
    }
    yield findings.check(`${counted(nodes.length, "node")}, ${counted(values, "value")}`);
  }
};

const addFailure = (
  { pointers }: Contents,
  { node, bundled }: CompiledNode,
  reason: string,
  findings: Findings,
): void => {
  const from = inputFolders(bundled);
  const left = pointers.filter(({ artifact }) => from.includes(folderOf(artifact))).length;
  findings.add({
    file: folderOf(bundled.artifact),
    expected: "its inputs",
    found:
      left === 0
        ? reason
        : `${reason}; ${counted(left, "file")} of its inputs left out, see ${pointersFile}`,
    message: `${node.name} can't be recomputed from the bundle's files`,
    from,
  });
};

/** The number of values compared. */
const compareFiles = (
  { bundle }: Contents,
  { node, bundled }: CompiledNode,
  rerun: StageRerun,
  findings: Findings,
): number => {
  const folder = folderOf(bundled.artifact);
  for (const { path: value, ...sides } of differencesOf(rerun.summary, bundled.summary))
    findings.add({
      file: runFile,
      number: `${node.name}: summary.${value}`,
      ...sides,
      message: "differs from the value that its inputs give",
      from: [folder],
    });
  const names = new Set([...rerun.files, ...bundled.files.map((file) => file.path)]);
  let values = 0;
  for (const name of [...names].sort()) {
    const file = `${folder}/${name}`;
    const message = `differs from the result that the inputs of ${node.name} give`;
    const about = { file, message, from: inputFolders(bundled) };
    const expected = rerun.files.includes(name)
      ? fs.readFileSync(path.join(rerun.directory, name), "utf8")
      : undefined;
    const found = bundle.files.has(file) ? bundle.read(file).toString("utf8") : undefined;
    if (expected === undefined || found === undefined) {
      const [due, there] = [expected, found].map((text) =>
        text === undefined ? "absent" : "present",
      );
      findings.add({ ...about, expected: due, found: there });
      continue;
    }
    const parsed = parse(name, expected);
    values += countValues(parsed);
    if (expected === found) continue;
    const differences = differencesOf(parsed, parse(name, found));
    for (const { path: number, ...sides } of differences)
      findings.add({ ...about, number, ...sides });
    if (differences.length === 0)
      findings.add({ ...about, expected: "the same text", found: "the same values, other text" });
  }
  return values;
};

const countValues = (value: unknown): number =>
  typeof value === "object" && value !== null
    ? Object.values(value).reduce((sum: number, inner) => sum + countValues(inner), 0)
    : 1;

const parse = (name: string, text: string): unknown => {
  if (name.endsWith(".json")) return JSON.parse(text) as unknown;
  const lines = text.split(/\r?\n/u);
  return name.endsWith(".jsonl")
    ? lines.map((line): unknown => (line === "" ? line : JSON.parse(line)))
    : lines;
};

const inputFolders = ({ keyParts }: CompiledNode["bundled"]): ReadonlyArray<string> =>
  [...new Set(inputDigests(keyParts))].map(folderOf);
