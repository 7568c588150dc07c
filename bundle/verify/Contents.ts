/** What a bundle's own files say, decoded. */
import { Schema } from "effect";
import path from "node:path";
import type { TreeFile } from "../../schemas/Artifact.ts";
import {
  BundledAttempt,
  type BundleNode,
  BundleRun,
  type Claim,
  Claims,
  type Pointer,
  Pointers,
} from "../format.ts";
import type { OpenBundle } from "../open.ts";

export interface Contents {
  readonly bundle: OpenBundle;
  readonly run: BundleRun;
  readonly pointers: ReadonlyArray<Pointer>;
  readonly claims: ReadonlyArray<Claim>;
  /** The experiment's text. */
  readonly spec: string;
}

export const specFile = "data/experiment.yaml";
export const runFile = "data/run.json";
export const pointersFile = "data/pointers.json";
export const readmeFile = "data/README.md";
export const claimsFile = "data/CLAIMS.json";
export const sourceFolder = "data/source";
export const lockFile = `${sourceFolder}/stages/stages.lock.json`;
export const crateFile = "data/ro-crate-metadata.json";
export const attemptsFile = "record/attempts.jsonl";

const options = { onExcessProperty: "error" } as const;
export const decodeRun = Schema.decodeUnknownSync(Schema.fromJsonString(BundleRun), options);
export const decodePointers = Schema.decodeUnknownSync(Schema.fromJsonString(Pointers), options);
export const decodeClaims = Schema.decodeUnknownSync(Schema.fromJsonString(Claims), options);

/** Throws where level 2 finds fault with one of the files. */
export const readContents = (bundle: OpenBundle): Contents => ({
  bundle,
  run: readRun(bundle),
  pointers: readPointers(bundle),
  claims: readClaims(bundle),
  spec: textOf(bundle, specFile),
});

export const readRun = (bundle: OpenBundle): BundleRun => decodeRun(textOf(bundle, runFile));

export const readPointers = (bundle: OpenBundle): ReadonlyArray<Pointer> =>
  decodePointers(textOf(bundle, pointersFile));

export const readClaims = (bundle: OpenBundle): ReadonlyArray<Claim> =>
  decodeClaims(textOf(bundle, claimsFile)).claims;

const decodeAttempt = Schema.decodeUnknownSync(Schema.fromJsonString(BundledAttempt), options);

/** Throws on a line that is none. */
export const decodeAttempts = (text: string): ReadonlyArray<BundledAttempt> =>
  linesOf(text).map((line) => decodeAttempt(line));

export const readAttempts = (bundle: OpenBundle): ReadonlyArray<BundledAttempt> =>
  decodeAttempts(textOf(bundle, attemptsFile));

/** Throws where the last line has no end. */
export const linesOf = (text: string): ReadonlyArray<string> => {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line has no end");
  return text.split("\n").slice(0, -1);
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Throws on what is not UTF-8. */
export const textOf = (bundle: OpenBundle, file: string): string => utf8.decode(bundle.read(file));

/** The folder of an artifact's files, below the top folder. */
export const folderOf = (artifact: string): string => `data/artifacts/${artifact}`;

/** The same on this machine. */
export const directoryOf = ({ bundle }: Pick<Contents, "bundle">, artifact: string): string =>
  path.join(bundle.directory, folderOf(artifact));

export interface BundledArtifact {
  /** The same files may be several things, such as rollouts that another experiment brings in as files. */
  readonly kinds: ReadonlySet<BundleNode["kind"]>;
  readonly files: ReadonlyArray<TreeFile>;
}

/** Every artifact once, though several nodes may have it. */
export const artifactsOf = ({ nodes }: BundleRun): ReadonlyMap<string, BundledArtifact> => {
  const artifacts = new Map<string, BundledArtifact>();
  for (const { artifact, kind, files } of nodes) {
    const kinds = new Set([...(artifacts.get(artifact)?.kinds ?? []), kind]);
    artifacts.set(artifact, { kinds, files });
  }
  return artifacts;
};
