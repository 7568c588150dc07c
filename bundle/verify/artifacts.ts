/** Level 2, artifacts: digests match the lists of files, and every listed file is present or has a pointer. */
import path from "node:path";
import type { TreeFile } from "../../schemas/Artifact.ts";
import { digestJson, type Json } from "../../schemas/Digest.ts";
import type { BundleNode, BundleRun, Pointer } from "../format/format.ts";
import type { OpenBundle } from "../format/open.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { hashFile } from "./hashFile.ts";
import { artifactsOf, folderOf, pointersFile, runFile } from "./Contents.ts";

export const verifyArtifacts = (
  bundle: OpenBundle,
  run: BundleRun,
  pointers: ReadonlyArray<Pointer>,
): Check => {
  const findings = new Findings(2, "artifacts");
  const names = new Set<string>();
  for (const node of run.nodes) {
    if (names.has(node.node)) {
      const message = "the node is listed twice";
      findings.add({ file: runFile, number: node.node, expected: "once", found: "twice", message });
    }
    names.add(node.node);
    verifyDigests(node, findings);
  }
  const leftOut = new Map(pointers.map((pointer) => [placeOf(pointer), pointer]));
  if (leftOut.size < pointers.length) {
    const [expected, found] = [leftOut.size, pointers.length];
    findings.add({
      file: pointersFile,
      expected,
      found,
      message: "two pointers name the same file",
    });
  }
  const known = new Set<string>();
  for (const [artifact, { files }] of artifactsOf(run))
    for (const file of files) {
      const place = placeOf({ artifact, path: file.path });
      known.add(place);
      verifyFile(bundle, place, file, leftOut.get(place), findings);
    }
  for (const place of leftOut.keys())
    if (!known.has(place)) {
      const expected = "a file of an artifact";
      const message = "no artifact has this file";
      findings.add({ file: pointersFile, number: place, expected, found: "none", message });
    }
  for (const file of bundle.files.keys())
    if (file.startsWith("data/artifacts/") && !known.has(file)) {
      const message = "no artifact has this file";
      findings.add({ file, expected: "absent", found: "present", message, from: [runFile] });
    }
  return findings.check(
    `${counted(artifactsOf(run).size, "artifact")}, ${counted(known.size, "file")}, ${pointers.length.toLocaleString("en")} left out`,
  );
};

const placeOf = ({ artifact, path: name }: Pick<Pointer, "artifact" | "path">): string =>
  `${folderOf(artifact)}/${name}`;

const verifyDigests = (
  { node, artifact, files, recipe, content }: BundleNode,
  findings: Findings,
): void => {
  const about = { file: runFile, number: node };
  for (const found of [artifact, recipe, content])
    if (!/^[\da-f]{64}$/u.test(found))
      findings.add({ ...about, expected: "a SHA-256", found, message: "is not a digest" });
  const expected = digestJson(files as unknown as Json);
  if (expected === artifact) return;
  const message = "differs from the digest of the artifact's list of files";
  findings.add({ ...about, expected, found: artifact, message });
};

const verifyFile = (
  bundle: OpenBundle,
  file: string,
  { sha256, size, executable }: TreeFile,
  pointer: Pointer | undefined,
  findings: Findings,
): void => {
  const there = bundle.files.get(file);
  const add = (expected: unknown, found: unknown, message: string) =>
    findings.add({ file, expected, found, message, from: [runFile, pointersFile] });
  if (there === undefined && pointer === undefined)
    return add("present", "absent", "is missing and has no pointer");
  if (there !== undefined && pointer !== undefined)
    return add("absent", "present", "is present although it has a pointer");
  const found =
    there === undefined
      ? pointer
      : { sha256: hashFile(path.join(bundle.directory, file), "sha256"), size: there.size };
  if (found?.sha256 !== sha256 || found.size !== size)
    add(
      `${sha256} (${size} bytes)`,
      `${found?.sha256} (${found?.size} bytes)`,
      "differs from the file of the artifact",
    );
  // Other programs may unpack a folder without modes.
  if (bundle.isArchive && there !== undefined && there.executable !== (executable === true))
    add(executable === true, there.executable, "has another executable bit");
};
