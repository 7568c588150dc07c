/** Licences: the licence of every file, read from the crate, and the licence texts, which must be complete and verbatim. */
import path from "node:path";
import { fileId, licenseNamed } from "../describe/crate/Entity.ts";
import { noticesIn, noticesOf, termsWith } from "../describe/notices.ts";
import { licenseOfData, licenseOfSource, licensesIn, licenseTexts } from "../describe/terms.ts";
import type { Entry } from "../format/format.ts";
import { digestBytes } from "../../schemas/Digest.ts";
import type { Findings } from "./Check.ts";
import { type Contents, type Crate, crateFile, sourceFolder, textOf } from "./Contents.ts";
import { linesApart } from "./difference.ts";

const noticesFile = "data/LICENSES/verify.mjs.txt";

/**
 * The payload without the crate. Only an artifact's licence is taken from the crate, because a person stated it; `product` is the
 * licence that pipe's package.json names.
 */
export const licensedEntries = (
  { bundle }: Contents,
  crate: Crate,
  product: string,
): ReadonlyArray<Entry> => {
  const stated = new Map(crate["@graph"].map(({ "@id": id, license }) => [id, license]));
  const verifier = bundle.files.has(noticesFile)
    ? termsWith(noticesIn(textOf(bundle, noticesFile)))
    : licenseOfData;
  // All files of an artifact have the same licence.
  const artifacts = new Map<string, string>();
  const licenseOf = (file: string): string => {
    const [, folder, name = ""] = file.split("/");
    if (folder === "environment") return product;
    if (folder === "source") return licenseOfSource(file.slice(sourceFolder.length + 1), product);
    if (file === "data/verify.mjs") return verifier;
    if (folder !== "artifacts") return licenseOfData;
    const known =
      artifacts.get(name) ?? expressionIn(stated.get(fileId(file.slice("data/".length))));
    artifacts.set(name, known);
    return known;
  };
  return [...bundle.files].flatMap(([file, { size }]): ReadonlyArray<Entry> => {
    if (!file.startsWith("data/") || file === crateFile) return [];
    const content = { file: path.join(bundle.directory, file), size };
    return [{ path: file, content, license: licenseOf(file) }];
  });
};

/** The SPDX expression behind a crate's references; for anything else another one, so that the recomputed crate differs. */
const expressionIn = (license: unknown): string => {
  const identifiers = (Array.isArray(license) ? license : []).map((each: unknown) =>
    typeof each === "object" && each !== null && "@id" in each && typeof each["@id"] === "string"
      ? licenseNamed(each["@id"])
      : undefined,
  );
  return identifiers.length === 0 || identifiers.includes(undefined)
    ? licenseOfData
    : identifiers.join(" AND ");
};

export const verifyLicenses = (
  { bundle }: Contents,
  entries: ReadonlyArray<Entry>,
  findings: Findings,
): void => {
  const used = new Set([licenseOfData, ...entries.flatMap(({ license }) => licensesIn(license))]);
  const expected = new Set([...[...used].map((id) => `data/LICENSES/${id}.txt`), noticesFile]);
  const add = (file: string, should: unknown, found: unknown, message: string) =>
    findings.add({ file, expected: should, found, message, from: [crateFile] });
  for (const file of bundle.files.keys())
    if (file.startsWith("data/LICENSES/") && !expected.has(file))
      add(file, "absent", "present", "no file is under this licence");
  for (const file of expected)
    if (!bundle.files.has(file))
      add(file, "present", "absent", "a file is under this licence and its text is missing");
  for (const id of used) {
    const file = `data/LICENSES/${id}.txt`;
    if (!bundle.files.has(file)) continue;
    const text = licenseTexts.get(id);
    const found = digestBytes(bundle.read(file));
    if (text === undefined)
      findings.limit(`${file}: this pipe does not know the text of ${id}, so it is not compared`);
    else if (found !== text) add(file, text, found, `differs from the text of ${id}`);
  }
  if (bundle.files.has(noticesFile)) verifyNotices(textOf(bundle, noticesFile), findings);
};

/** Every notice must be complete; the sentence before the first is prose. */
const verifyNotices = (notices: string, findings: Findings): void => {
  const lines = (text: string) => text.split("\n").slice(1);
  for (const { line, ...sides } of linesApart(
    lines(noticesOf(noticesIn(notices))),
    lines(notices),
  )) {
    const message = "is no line of a package's notice";
    findings.add({ file: noticesFile, number: `line ${line + 1}`, ...sides, message });
  }
};
