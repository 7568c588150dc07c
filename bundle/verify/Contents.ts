/** The decoded files of a bundle. */
import { Schema } from "effect";
import path from "node:path";
import type { TreeFile } from "../../schemas/Artifact.ts";
import {
  BundledAttempt,
  bundleFormat,
  type BundleNode,
  BundleRun,
  type Claim,
  Claims,
  type Pointer,
  Pointers,
} from "../format/format.ts";
import type { OpenBundle } from "../format/open.ts";

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

/** The part of the crate that verifying reads; level 2 has checked it. */
export interface Crate {
  readonly "@graph": ReadonlyArray<{
    readonly "@id": string;
    readonly [property: string]: unknown;
  }>;
}

export const readCrate = (bundle: OpenBundle): Crate =>
  JSON.parse(textOf(bundle, crateFile)) as Crate;

const options = { onExcessProperty: "error" } as const;
const decodeThisFormat = Schema.decodeUnknownSync(Schema.fromJsonString(BundleRun), options);

export const decodeRun = (text: string): BundleRun => {
  const { format } = JSON.parse(text) as { readonly format?: unknown };
  if (format !== bundleFormat)
    throw new Error(
      `bundle format ${JSON.stringify(format)}; this pipe reads ${bundleFormat} only: check it with its own verifier, node data/verify.mjs`,
    );
  return decodeThisFormat(text);
};
export const decodePointers = Schema.decodeUnknownSync(Schema.fromJsonString(Pointers), options);
export const decodeClaims = Schema.decodeUnknownSync(Schema.fromJsonString(Claims), options);

/** Requires a bundle that passes level 2. */
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

/** Throws on a malformed line. */
export const decodeAttempts = (text: string): ReadonlyArray<BundledAttempt> =>
  linesOf(text).map((line) => decodeAttempt(line));

export const readAttempts = (bundle: OpenBundle): ReadonlyArray<BundledAttempt> =>
  decodeAttempts(textOf(bundle, attemptsFile));

/** Throws if the last line has no line break. */
export const linesOf = (text: string): ReadonlyArray<string> => {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line has no line break");
  return text.split("\n").slice(0, -1);
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Throws on invalid UTF-8. */
export const textOf = (bundle: OpenBundle, file: string): string => utf8.decode(bundle.read(file));

/** The folder of an artifact, below the top folder. */
export const folderOf = (artifact: string): string => `data/artifacts/${artifact}`;

/** The absolute folder of an artifact. */
export const directoryOf = ({ bundle }: Pick<Contents, "bundle">, artifact: string): string =>
  path.join(bundle.directory, folderOf(artifact));

export interface BundledArtifact {
  /** Equal files may have several kinds: rollouts of one stage, imported as files by another. */
  readonly kinds: ReadonlySet<BundleNode["kind"]>;
  readonly files: ReadonlyArray<TreeFile>;
}

/** Every artifact once; several nodes may have it. */
export const artifactsOf = ({ nodes }: BundleRun): ReadonlyMap<string, BundledArtifact> => {
  const artifacts = new Map<string, BundledArtifact>();
  for (const { artifact, kind, files } of nodes) {
    const kinds = new Set([...(artifacts.get(artifact)?.kinds ?? []), kind]);
    artifacts.set(artifact, { kinds, files });
  }
  return artifacts;
};
