/**
 * What describes the bundle, made once more from the rest of it: the crate, the data sets in `croissant.json`, the cards, what is said
 * of files that are left out, the texts of licences. Only the terms of artifacts, which a person has stated, and the day of publication
 * are taken from the crate.
 */
import path from "node:path";
import { cards } from "../cards.ts";
import { needOf } from "../chooseFiles.ts";
import { jsonBytes } from "../content.ts";
import { roCrate } from "../crate.ts";
import { fileId, licenseNamed } from "../crate/Entity.ts";
import { croissant } from "../croissant.ts";
import { descriptionIn } from "../description.ts";
import { environmentFiles } from "../environment.ts";
import type { BundleNode, Entry } from "../format.ts";
import { noticesIn, noticesOf, termsWith } from "../notices.ts";
import { rebuildLine } from "../rebuildLine.ts";
import { licenseOfData, licenseOfSource, licensesIn, licenseTexts } from "../terms.ts";
import { applyOverrides } from "../../pipelines/Overrides.ts";
import { parseSource, Source } from "../../pipelines/Source.ts";
import { digestBytes } from "../../schemas/Digest.ts";
import { type Check, counted, Findings } from "./Check.ts";
import {
  type Contents,
  crateFile,
  folderOf,
  pointersFile,
  runFile,
  sourceFolder,
  specFile,
  textOf,
} from "./Contents.ts";
import { differencesOf } from "./difference.ts";
import { overridesOf } from "./placed.ts";

const noticesFile = "data/LICENSES/verify.mjs.txt";
const croissantFile = "data/croissant.json";
const productFile = `${sourceFolder}/package.json`;
const made = [runFile, pointersFile];

/** For a bundle whose structure and keys are right. */
export const verifyDescribed = (contents: Contents): Check => {
  const { bundle, run, pointers } = contents;
  const findings = new Findings(3, "described");
  const product = productOf(contents);
  const crate = JSON.parse(textOf(bundle, crateFile)) as Crate;
  const entries = entriesOf(contents, crate, product.license);
  const datePublished = dateIn(crate, findings);
  verifyRun(contents, product.version, findings);
  verifyPointers(contents, findings);
  verifyLicenses(contents, entries, findings);
  verifyEnvironment(contents, findings);
  const texts = cards(run, entries);
  const dataSets = croissant({ run, entries, datePublished });
  const expected: ReadonlyMap<string, Uint8Array> = new Map([
    ...texts.map((card) => [card.path, card.content as Uint8Array] as const),
    ...(dataSets === undefined ? [] : [[croissantFile, jsonBytes(dataSets)] as const]),
  ]);
  for (const [file, content] of expected) compare(contents, file, content, findings);
  for (const file of bundle.files.keys())
    if ((file.startsWith("data/cards/") || file === croissantFile) && !expected.has(file))
      findings.add({ file, expected: "absent", found: "present", message: "describes nothing" });
  const whole = roCrate({ run, entries, pointers, license: licenseOfData, datePublished });
  compare(contents, crateFile, jsonBytes(whole), findings);
  return findings.check(
    `${counted(entries.length, "file")}, ${counted(texts.length, "card")}, ${counted(pointers.length, "pointer")}`,
  );
};

/** As level 2 has found it to be. */
interface Crate {
  readonly "@graph": ReadonlyArray<{
    readonly "@id": string;
    readonly [property: string]: unknown;
  }>;
}

/** Everything that the crate is made of. */
const entriesOf = ({ bundle }: Contents, crate: Crate, product: string): ReadonlyArray<Entry> => {
  const stated = new Map(crate["@graph"].map(({ "@id": id, license }) => [id, license]));
  const verifier = bundle.files.has(noticesFile)
    ? termsWith(noticesIn(textOf(bundle, noticesFile)))
    : licenseOfData;
  // An artifact's files are all under the same terms.
  const artifacts = new Map<string, string>();
  const licenseOf = (file: string): string => {
    const [, folder, name = ""] = file.split("/");
    if (folder === "environment") return product;
    if (folder === "source") return licenseOfSource(file.slice(sourceFolder.length + 1), product);
    if (file === "data/verify.mjs") return verifier;
    if (folder !== "artifacts") return licenseOfData;
    const known =
      artifacts.get(name) ?? expressionOf(stated.get(fileId(file.slice("data/".length))));
    artifacts.set(name, known);
    return known;
  };
  return [...bundle.files].flatMap(([file, { size }]): ReadonlyArray<Entry> =>
    !file.startsWith("data/") || file === crateFile
      ? []
      : [
          {
            path: file,
            content: { file: path.join(bundle.directory, file), size },
            license: licenseOf(file),
          },
        ],
  );
};

/** What the product says of itself; nobody has decoded it. */
const productOf = ({ bundle }: Contents) => {
  const said = { license: licenseOfData, version: "unknown" };
  if (!bundle.files.has(productFile)) return said;
  try {
    const { license, version } = JSON.parse(textOf(bundle, productFile)) as Partial<typeof said>;
    if (typeof license === "string") said.license = license;
    if (typeof version === "string") said.version = version;
  } catch {
    // What follows from it is then found to be another.
  }
  return said;
};

/** What stands at the head of all that describes the run. */
const verifyRun = ({ run, spec }: Contents, version: string, findings: Findings): void => {
  const parsed = parseSource(new Source(specFile, spec)).value;
  const asked = parsed === undefined ? undefined : applyOverrides(parsed, overridesOf(run)).value;
  const description = descriptionIn(asked);
  const say = (number: string, expected: unknown, found: unknown, from: string) =>
    findings.add({
      file: runFile,
      number,
      expected,
      found,
      message: `is not what ${from} says`,
      from: [from],
    });
  if (run.description !== description)
    say("description", description ?? "absent", run.description ?? "absent", specFile);
  if (run.pipe.version !== version) say("pipe.version", version, run.pipe.version, productFile);
};

/** The expression that a crate has written as references; where it has not, what is made of another one will differ. */
const expressionOf = (license: unknown): string => {
  const identifiers = (Array.isArray(license) ? license : []).map((each: unknown) =>
    typeof each === "object" && each !== null && "@id" in each && typeof each["@id"] === "string"
      ? licenseNamed(each["@id"])
      : undefined,
  );
  return identifiers.length === 0 || identifiers.includes(undefined)
    ? licenseOfData
    : identifiers.join(" AND ");
};

const dateIn = (crate: Crate, findings: Findings): string => {
  const found = crate["@graph"].find(({ "@id": id }) => id === "./")?.["datePublished"];
  if (typeof found === "string" && /^\d{4}-\d{2}-\d{2}$/u.test(found)) return found;
  findings.add({
    file: crateFile,
    number: "./.datePublished",
    expected: "a day",
    found,
    message: "is none",
  });
  return "1970-01-01";
};

/** What is left out is made again by the node that made it. */
const verifyPointers = ({ run, pointers }: Contents, findings: Findings): void => {
  const makers = new Map<string, BundleNode>();
  for (const node of run.nodes) if (!makers.has(node.artifact)) makers.set(node.artifact, node);
  for (const pointer of pointers) {
    const node = makers.get(pointer.artifact);
    // Level 2 has found that each points to a file of an artifact.
    if (node === undefined) continue;
    const say = (number: string, expected: unknown, found: unknown, message: string) =>
      findings.add({
        file: pointersFile,
        number: `${folderOf(pointer.artifact)}/${pointer.path}: ${number}`,
        expected,
        found,
        message,
        from: [runFile],
      });
    const rebuild = rebuildLine(run.overrides, node.node);
    if (pointer.rebuild !== rebuild)
      say("rebuild", rebuild, pointer.rebuild, "is not the command that makes it again");
    const use = { judgedSplits: new Set<string>(), isCounted: false };
    if (pointer.why === "weights" && needOf(node.kind, pointer, use) !== "weights")
      say("why", "another reason", pointer.why, "is no model's weights");
  }
};

/** The texts are those of the terms that something is under, word for word. */
const verifyLicenses = (
  { bundle }: Contents,
  entries: ReadonlyArray<Entry>,
  findings: Findings,
): void => {
  const used = new Set([licenseOfData, ...entries.flatMap(({ license }) => licensesIn(license))]);
  const expected = new Set([...[...used].map((id) => `data/LICENSES/${id}.txt`), noticesFile]);
  const say = (
    file: string,
    sides: { readonly expected: unknown; readonly found: unknown },
    message: string,
  ) => findings.add({ file, ...sides, message, from: [crateFile] });
  for (const file of bundle.files.keys())
    if (file.startsWith("data/LICENSES/") && !expected.has(file))
      say(file, { expected: "absent", found: "present" }, "nothing is under these terms");
  for (const file of expected)
    if (!bundle.files.has(file))
      say(file, { expected: "present", found: "absent" }, "something is under these terms");
  for (const id of used) {
    const file = `data/LICENSES/${id}.txt`;
    if (!bundle.files.has(file)) continue;
    const text = licenseTexts.get(id);
    const found = digestBytes(bundle.read(file));
    if (text === undefined)
      findings.limit(`whether ${file} is the text of the licence ${id} is not known here`);
    else if (found !== text)
      say(file, { expected: text, found }, `is not the text of the licence ${id}`);
  }
  if (!bundle.files.has(noticesFile)) return;
  const notices = textOf(bundle, noticesFile);
  for (const { path: number, ...sides } of linesApart(noticesOf(noticesIn(notices)), notices))
    findings.add({ file: noticesFile, number, ...sides, message: "is not a notice of a package" });
};

/** Beside one another lies what the sources have, and nothing else. */
const verifyEnvironment = ({ bundle }: Contents, findings: Findings): void => {
  for (const file of bundle.files.keys())
    if (file.startsWith("data/environment/") && !environmentFiles.has(file))
      findings.add({ file, expected: "absent", found: "present", message: "belongs to nothing" });
  for (const [file, lock] of environmentFiles) {
    const source = `${sourceFolder}/${lock}`;
    const [expected, found] = [source, file].map((name) =>
      bundle.files.has(name) ? digestBytes(bundle.read(name)) : "absent",
    );
    if (expected !== found || found === "absent")
      findings.add({
        file,
        expected,
        found,
        message: "is not what the sources have",
        from: [source],
      });
  }
};

/** A file that follows from others, value by value. */
const compare = (
  { bundle }: Contents,
  file: string,
  expected: Uint8Array,
  findings: Findings,
): void => {
  const about = { file, message: "is not what the rest of the bundle gives", from: made };
  if (!bundle.files.has(file)) {
    findings.add({ ...about, expected: "present", found: "absent" });
    return;
  }
  const found = bundle.read(file);
  if (found.equals(expected)) return;
  const [should, is] = [expected, found].map((bytes) => new TextDecoder().decode(bytes));
  const differences = file.endsWith(".md")
    ? linesApart(should!, is!)
    : file === crateFile
      ? differencesOf(valuesIn(should!), valuesIn(is!))
      : differencesOf(JSON.parse(should!), JSON.parse(is!));
  for (const { path: number, ...sides } of differences)
    findings.add({ ...about, number, ...sides });
  if (differences.length === 0)
    findings.add({
      ...about,
      expected: "the same text",
      found: "the same values, written otherwise",
    });
};

const linesApart = (expected: string, found: string) =>
  differencesOf(expected.split("\n"), found.split("\n")).map((difference) => ({
    ...difference,
    path: difference.path.replace(
      /^\[(\d+)\]$/u,
      (_, index: string) => `line ${Number(index) + 1}`,
    ),
  }));

/** What a crate describes, by the names it goes by: one thing more or less is one difference. */
const valuesIn = (text: string): unknown => {
  const crate = JSON.parse(text) as Crate;
  return {
    ...crate,
    "@graph": Object.fromEntries(crate["@graph"].map((each) => [each["@id"], each])),
  };
};
