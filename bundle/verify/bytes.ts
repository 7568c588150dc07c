/** Level 1: the manifests list every file with its hash, and the hashes match (BagIt, RFC 8493). */
import path from "node:path";
import { digestBytes } from "../../schemas/Digest.ts";
import type { OpenBundle } from "../format/open.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { hashFile } from "./hashFile.ts";

const manifestFile = "manifest-sha512.txt";
const tagManifestFile = "tagmanifest-sha512.txt";
const declaration = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/** The SHA-256 of the payload manifest. */
export const identityOf = (bundle: OpenBundle): string => digestBytes(bundle.read(manifestFile));

export const verifyBytes = function* (bundle: OpenBundle): Generator<Check> {
  const isPayload = (file: string) => file.startsWith("data/");
  const files = [...bundle.files.keys()];
  const payload = files.filter(isPayload);
  const tags = files.filter((file) => !isPayload(file) && file !== tagManifestFile);
  yield compareManifest(bundle, manifestFile, payload, "payload");
  yield compareManifest(bundle, tagManifestFile, tags, "tag files");
  yield verifyBag(bundle, payload);
};

/** The manifest and the files match in both directions. */
const compareManifest = (
  bundle: OpenBundle,
  manifest: string,
  files: ReadonlyArray<string>,
  what: string,
): Check => {
  const findings = new Findings(1, what);
  const named = readManifest(bundle, manifest, findings);
  let bytes = 0;
  for (const file of files) {
    const expected = named.get(file);
    if (expected === undefined) {
      const message = `${manifest} does not list it`;
      findings.add({ file, expected: "absent", found: "present", message });
      continue;
    }
    const found = hashFile(path.join(bundle.directory, file), "sha512");
    if (found !== expected) {
      const message = "differs from its hash in the manifest";
      findings.add({ file, expected, found, message, from: [manifest] });
    }
    bytes += bundle.files.get(file)?.size ?? 0;
  }
  const there = new Set(files);
  for (const file of named.keys()) {
    if (there.has(file)) continue;
    findings.add({ file, expected: "present", found: "absent", message: `${manifest} lists it` });
  }
  return findings.check(`${counted(files.length, "file")}, ${counted(bytes, "byte")}`);
};

/** BagIt escapes line breaks and the percent sign as %0D, %0A and %25. */
const unescaped = (name: string): string =>
  name.replaceAll(/%(0A|0D|25)/giu, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );

const readManifest = (
  bundle: OpenBundle,
  manifest: string,
  findings: Findings,
): ReadonlyMap<string, string> => {
  const named = new Map<string, string>();
  if (!bundle.files.has(manifest)) {
    const message = "every bundle has this file";
    findings.add({ file: manifest, expected: "present", found: "absent", message });
    return named;
  }
  const lines = bundle.read(manifest).toString("utf8").split("\n");
  if (lines.pop() !== "") {
    const message = "the last line has no line break";
    findings.add({ file: manifest, expected: "a line break", found: "none", message });
  }
  for (const [index, line] of lines.entries()) {
    const [, digest, name] = /^([\da-f]{128}) [ *]?(.+)$/u.exec(line) ?? [];
    const number = `line ${index + 1}`;
    const expected = "SHA-512, two blanks, a path";
    if (digest === undefined || name === undefined)
      findings.add({
        file: manifest,
        number,
        expected,
        found: line,
        message: "is not a line of a manifest",
      });
    else if (named.has(unescaped(name)))
      findings.add({
        file: manifest,
        number,
        expected: "once",
        found: name,
        message: "a second line lists the same file",
      });
    else named.set(unescaped(name), digest);
  }
  return named;
};

const verifyBag = (bundle: OpenBundle, payload: ReadonlyArray<string>): Check => {
  const findings = new Findings(1, "bag");
  const found = bundle.read("bagit.txt").toString("utf8");
  if (found !== declaration)
    findings.add({ file: "bagit.txt", expected: declaration, found, message: "is not BagIt 1.0" });
  if (!bundle.files.has(manifestFile)) return findings.check("no identity");
  const identity = identityOf(bundle);
  const suffix = /-([\da-f]{12})$/u.exec(bundle.top)?.[1];
  if (bundle.isArchive && suffix !== identity.slice(0, 12)) {
    const message = "the name of the top folder must end in the bundle's identity";
    const expected = identity.slice(0, 12);
    findings.add({ file: ".", expected, found: bundle.top, message, from: [manifestFile] });
  }
  const info = "bag-info.txt";
  const oxum = bundle.files.has(info)
    ? /^Payload-Oxum: (.*)$/mu.exec(bundle.read(info).toString("utf8"))?.[1]
    : undefined;
  const bytes = payload.reduce((sum, file) => sum + (bundle.files.get(file)?.size ?? 0), 0);
  const expected = `${bytes}.${payload.length}`;
  if (oxum !== undefined && oxum !== expected)
    findings.add({
      file: info,
      number: "Payload-Oxum",
      expected,
      found: oxum,
      message: "differs from the payload's bytes and files",
    });
  return findings.check(`identity ${identity}`);
};
