/** Level 2, the artifacts: each is what its list of files says, and each file is there, or a pointer says why not. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { TreeFile } from "../../schemas/Artifact.ts";
import { digestJson, type Json } from "../../schemas/Digest.ts";
import type { BundleNode, BundleRun, Pointer } from "../format.ts";
import type { OpenBundle } from "../open.ts";
import { type Check, counted, Findings } from "./Check.ts";
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
      const message = "is a node";
      findings.add({ file: runFile, number: node.node, expected: "once", found: "twice", message });
    }
    names.add(node.node);
    verifyDigests(node, findings);
  }
  const leftOut = new Map(pointers.map((pointer) => [placeOf(pointer), pointer]));
  if (leftOut.size < pointers.length) {
    const [expected, found] = [leftOut.size, pointers.length];
    findings.add({ file: pointersFile, expected, found, message: "names a file twice" });
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
      const message = "points to nothing";
      findings.add({ file: pointersFile, number: place, expected, found: "none", message });
    }
  for (const file of bundle.files.keys())
    if (file.startsWith("data/artifacts/") && !known.has(file)) {
      const message = "belongs to no artifact";
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
      findings.add({ ...about, expected: "a SHA-256", found, message: "is no digest" });
  const expected = digestJson(files as unknown as Json);
  if (expected === artifact) return;
  const message = "the artifact's digest is not that of its list of files";
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
  const say = (expected: unknown, found: unknown, message: string) =>
    findings.add({ file, expected, found, message, from: [runFile, pointersFile] });
  if (there === undefined && pointer === undefined)
    return say("present", "absent", "is neither here nor among the pointers");
  if (there !== undefined && pointer !== undefined)
    return say("absent", "present", "is here, and said to be left out");
  const found = there === undefined ? pointer : { sha256: hashed(bundle, file), size: there.size };
  if (found?.sha256 !== sha256 || found.size !== size)
    say(
      `${sha256} (${size} bytes)`,
      `${found?.sha256} (${found?.size} bytes)`,
      "is not the file that the artifact is made of",
    );
  // A folder may have been unpacked by what knows no modes.
  if (bundle.isArchive && there !== undefined && there.executable !== (executable === true))
    say(executable === true, there.executable, "may it be run");
};

const hashed = (bundle: OpenBundle, file: string): string => {
  const hasher = createHash("sha256");
  const chunk = Buffer.allocUnsafe(1 << 18);
  const descriptor = fs.openSync(path.join(bundle.directory, file), "r");
  try {
    for (let read = 1; read > 0;) {
      read = fs.readSync(descriptor, chunk, 0, chunk.length, null);
      hasher.update(chunk.subarray(0, read));
    }
  } finally {
    fs.closeSync(descriptor);
  }
  return hasher.digest("hex");
};
