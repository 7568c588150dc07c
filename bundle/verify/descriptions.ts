/**
 * Level 3, descriptions: the crate, `croissant.json`, the cards, the pointers and the licences are recomputed from the rest of the bundle
 * and compared value by value. Sentences are not compared (`describe/prose.ts`). The crate supplies the licences of artifacts and the day
 * of publication, which nothing else in the bundle gives.
 */
import { cards, parseCard } from "../describe/cards.ts";
import { roCrate } from "../describe/crate.ts";
import { croissant } from "../describe/croissant.ts";
import { descriptionIn } from "../describe/description.ts";
import { environmentFiles } from "../describe/environment.ts";
import { withoutProse } from "../describe/prose.ts";
import { licenseOfData } from "../describe/terms.ts";
import { applyOverrides } from "../../pipelines/experiment/Overrides.ts";
import { parseSource } from "../../pipelines/experiment/parseSource.ts";
import { Source } from "../../pipelines/experiment/Source.ts";
import { digestBytes, type Json } from "../../schemas/Digest.ts";
import { type Check, counted, Findings } from "./Check.ts";
import {
  type Contents,
  type Crate,
  crateFile,
  pointersFile,
  readCrate,
  runFile,
  sourceFolder,
  specFile,
  textOf,
} from "./Contents.ts";
import { differencesOf } from "./difference.ts";
import { licensedEntries, verifyLicenses } from "./licenseFiles.ts";
import { verifyPointers } from "./pointers.ts";

const croissantFile = "data/croissant.json";
const productFile = `${sourceFolder}/package.json`;

/** Requires a bundle whose structure and keys are right. */
export const verifyDescriptions = (contents: Contents): Check => {
  const { bundle, run, pointers } = contents;
  const findings = new Findings(3, "descriptions");
  const product = productOf(contents);
  const crate = readCrate(bundle);
  const entries = licensedEntries(contents, crate, product.license);
  const datePublished = dateIn(crate, findings);
  verifyRun(contents, product.version, findings);
  verifyPointers(contents, findings);
  verifyLicenses(contents, entries, findings);
  verifyEnvironment(contents, findings);
  const pages = cards(run, entries);
  for (const { path, header } of pages)
    compare(contents, path, header, (text) => parseCard(text).header, findings);
  const dataSets = croissant({ run, entries, datePublished });
  if (dataSets !== undefined) compare(contents, croissantFile, dataSets, JSON.parse, findings);
  const known = new Set(pages.map(({ path }) => path));
  if (dataSets !== undefined) known.add(croissantFile);
  for (const file of bundle.files.keys())
    if ((file.startsWith("data/cards/") || file === croissantFile) && !known.has(file))
      findings.add({ file, expected: "absent", found: "present", message: "describes nothing" });
  const whole = roCrate({ run, entries, pointers, license: licenseOfData, datePublished });
  compare(contents, crateFile, byId(whole), (text) => byId(JSON.parse(text) as Crate), findings);
  return findings.check(
    `${counted(entries.length, "file")}, ${counted(pages.length, "card")}, ${counted(pointers.length, "pointer")}`,
  );
};

/** Licence and version in the bundled package.json, which may be missing or malformed. */
const productOf = ({ bundle }: Contents) => {
  const product = { license: licenseOfData, version: "unknown" };
  if (!bundle.files.has(productFile)) return product;
  try {
    const { license, version } = JSON.parse(textOf(bundle, productFile)) as Partial<typeof product>;
    if (typeof license === "string") product.license = license;
    if (typeof version === "string") product.version = version;
  } catch {
    // The comparisons below then report the difference.
  }
  return product;
};

const dateIn = (crate: Crate, findings: Findings): string => {
  const found = crate["@graph"].find(({ "@id": id }) => id === "./")?.["datePublished"];
  if (typeof found === "string" && /^\d{4}-\d{2}-\d{2}$/u.test(found)) return found;
  const number = "./.datePublished";
  findings.add({ file: crateFile, number, expected: "a day", found, message: "is not a day" });
  return "1970-01-01";
};

const verifyRun = ({ run, spec }: Contents, version: string, findings: Findings): void => {
  const parsed = parseSource(new Source(specFile, spec)).value;
  const edited = parsed === undefined ? undefined : applyOverrides(parsed, run.overrides).value;
  const description = descriptionIn(edited);
  const add = (number: string, expected: unknown, found: unknown, from: string) =>
    findings.add({
      file: runFile,
      number,
      expected,
      found,
      message: `differs from ${from}`,
      from: [from],
    });
  if (run.description !== description)
    add("description", description ?? "absent", run.description ?? "absent", specFile);
  if (run.pipe.version !== version) add("pipe.version", version, run.pipe.version, productFile);
};

/** `environment/` repeats lock files of the sources and holds nothing else. */
const verifyEnvironment = ({ bundle }: Contents, findings: Findings): void => {
  for (const file of bundle.files.keys())
    if (file.startsWith("data/environment/") && !environmentFiles.has(file))
      findings.add({ file, expected: "absent", found: "present", message: "is no lock file" });
  for (const [file, lock] of environmentFiles) {
    const source = `${sourceFolder}/${lock}`;
    const [expected, found] = [source, file].map((name) =>
      bundle.files.has(name) ? digestBytes(bundle.read(name)) : "absent",
    );
    const message = "differs from the same file of the sources";
    if (expected !== found || found === "absent")
      findings.add({ file, expected, found, message, from: [source] });
  }
};

const compare = (
  { bundle }: Contents,
  file: string,
  expected: unknown,
  read: (text: string) => unknown,
  findings: Findings,
): void => {
  const message = "differs from what the rest of the bundle gives";
  const about = { file, message, from: [runFile, pointersFile] };
  if (!bundle.files.has(file))
    return findings.add({ ...about, expected: "present", found: "absent" });
  // Through JSON, because YAML and JSON have no undefined.
  const due = withoutProse(JSON.parse(JSON.stringify(expected)));
  for (const { path, ...sides } of differencesOf(due, withoutProse(read(textOf(bundle, file)))))
    findings.add({ ...about, number: path, ...sides });
};

/** Keyed by id, so that one entity more or less is one difference. */
const byId = (crate: { readonly "@graph": ReadonlyArray<{ readonly "@id": string }> }): Json => ({
  ...(crate as unknown as Record<string, Json>),
  "@graph": Object.fromEntries(crate["@graph"].map((each) => [each["@id"], each as Json])),
});
