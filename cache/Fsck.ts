/**
 * Checks everything in the store against its digests and records. Changes nothing: each finding carries its repair, which
 * `repair.ts` carries out.
 */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { TreeFile } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { RunDirectory } from "./RunDirectory.ts";
import { allClaims, type Claim, ownerFile } from "./Claims.ts";
import { namesIn } from "./diskUse.ts";
import { hashBlobs, type HashedBlob, type Progress } from "./hashBlobs.ts";
import type { Index } from "./Index.ts";
import type { Ledger } from "./Ledger.ts";
import { seemsAlive } from "./OwnerLock.ts";
import type { RecordFiles } from "./RecordFiles.ts";
import { ActionRecord, AdoptionRecord, AttemptsRecord } from "./records.ts";
import { tagFiles } from "./Tags.ts";
import { artifactOf, hashFile, listFiles } from "./Tree.ts";
import { isAsStored, type Trees } from "./Trees.ts";

export type Repair =
  | { readonly _tag: "SetFileAside"; readonly file: string }
  | { readonly _tag: "SetArtifactAside"; readonly artifact: Digest }
  | { readonly _tag: "RestoreTimes"; readonly files: ReadonlyArray<readonly [string, TreeFile]> }
  | { readonly _tag: "RestoreBlobs"; readonly files: ReadonlyArray<readonly [string, TreeFile]> }
  | { readonly _tag: "RemoveClaim"; readonly claim: Claim }
  | { readonly _tag: "SetRunAside"; readonly run: string }
  | { readonly _tag: "RemoveLink"; readonly link: string };

export interface Finding {
  readonly message: string;
  readonly fix: string;
  /** True if a result is lost or wrong; other findings are harmless. */
  readonly damage: boolean;
  readonly repair: Repair;
}

export interface FsckReport {
  readonly findings: ReadonlyArray<Finding>;
  readonly artifacts: number;
  readonly blobs: number;
}

export interface RunToExamine {
  readonly run: string;
  /** True if its plan can be read. */
  readonly isReadable: boolean;
}

/** The index must just have been rebuilt from the record files. */
export const examine = async (
  ledger: Ledger,
  runs: ReadonlyArray<RunToExamine>,
  report: (progress: Progress) => void,
): Promise<FsckReport> => {
  const { home } = ledger;
  const blobs = await hashBlobs(home, report);
  const findings: Array<Finding> = [...badBlobs(blobs)];
  const artifacts = ledger.ask(presentArtifacts);
  for (const [digest, files] of artifacts) {
    const found = await examineArtifact(ledger.trees, digest, files, blobs);
    // `pipe gc` may have deleted it meanwhile.
    if (found !== undefined && !ledger.absences.all().has(digest))
      findings.push(ledger.ask((index) => described(index, digest, found)));
  }
  findings.push(...badRecords(ledger.files, home));
  findings.push(...ledger.ask((index) => [...badTags(home, index), ...badRuns(home, index, runs)]));
  findings.push(...deadClaims(home));
  return { findings, artifacts: artifacts.length, blobs: blobs.size };
};

const presentArtifacts = (index: Index) => {
  const absences = index.absences.all();
  return index.allArtifacts().filter(([digest]) => !absences.has(digest));
};

const badBlobs = (blobs: ReadonlyMap<number, HashedBlob>): ReadonlyArray<Finding> =>
  [...blobs.values()]
    .filter(({ sound }) => !sound)
    .map(({ file, sha256 }) => ({
      message: `the blob ${path.basename(file).slice(0, 12)}… holds other bytes than its name says (${sha256.slice(0, 12)}…)`,
      fix: "another program wrote to it, or the disk lost bits; --repair moves it to quarantine/",
      damage: true,
      repair: { _tag: "SetFileAside", file },
    }));

interface ArtifactFault {
  readonly what: string;
  readonly repair: Repair;
}

const examineArtifact = async (
  trees: Trees,
  digest: Digest,
  files: ReadonlyArray<TreeFile>,
  blobs: ReadonlyMap<number, HashedBlob>,
): Promise<ArtifactFault | undefined> => {
  const tree = trees.directoryOf(digest);
  const aside = (what: string): ArtifactFault => ({
    what,
    repair: { _tag: "SetArtifactAside", artifact: digest },
  });
  if (!fs.existsSync(tree)) return aside("its files are gone");
  const listed = unlessThrown(() => listFiles(tree));
  const expected = new Set(files.map((file) => file.path));
  const strange = listed?.files.find((name) => !expected.has(name));
  if (listed === undefined || listed.linked.size > 0) return aside("it holds a symbolic link");
  if (strange !== undefined) return aside(`${strange} is none of its files`);

  const touched: Array<readonly [string, TreeFile]> = [];
  const nameless: Array<readonly [string, TreeFile]> = [];
  for (const file of files) {
    const target = `${tree}/${file.path}`;
    const stat = fs.statSync(target, { throwIfNoEntry: false });
    if (stat === undefined) return aside(`${file.path} is missing`);
    const known = blobs.get(stat.ino);
    const sha256 = known?.sha256 ?? (await hashFile(target)).sha256;
    if (sha256 !== file.sha256) return aside(`${file.path} holds other bytes than were stored`);
    const isExecutable = (stat.mode & 0o100) !== 0;
    if (!isAsStored(target, file.size) || isExecutable !== (file.executable === true))
      touched.push([target, file]);
    else if (!fs.existsSync(trees.blobOf(file))) nameless.push([target, file]);
  }
  if (touched.length > 0)
    return {
      what: `${touched.map(([, file]) => file.path).join(", ")} has another time or mode; its bytes are right`,
      repair: { _tag: "RestoreTimes", files: touched },
    };
  if (nameless.length > 0)
    return {
      what: `${nameless.map(([, file]) => file.path).join(", ")} has no blob; its bytes are right`,
      repair: { _tag: "RestoreBlobs", files: nameless },
    };
  return undefined;
};

const fixes: Partial<Record<Repair["_tag"], string>> = {
  SetArtifactAside:
    "--repair moves it to quarantine/; the next run that needs it computes it again",
  RestoreTimes: "--repair restores them, and the artifact is used again",
  RestoreBlobs: "--repair restores the blob from the artifact's file",
};

const described = (index: Index, digest: Digest, { what, repair }: ArtifactFault): Finding => {
  const [action] = index.actionsOf(digest);
  const made = action === undefined ? "" : ` (${action.node} of ${action.experiment})`;
  return {
    message: `the artifact ${digest.slice(0, 12)}…${made} differs from what was stored: ${what}`,
    fix: fixes[repair._tag] ?? "",
    damage: repair._tag !== "RestoreBlobs",
    repair,
  };
};

/** Record files whose bytes changed, and actions whose list of files has another digest than their artifact. */
const badRecords = (files: RecordFiles, home: string): ReadonlyArray<Finding> =>
  files.folders().flatMap((folder) =>
    files.names(folder).flatMap((name): ReadonlyArray<Finding> => {
      const record = files.read(folder, name);
      if (record !== undefined && isRecord(folder, record)) return [];
      const file = `${home}/${folder}/${name}`;
      // A power cut may leave an empty record of a result that was not acknowledged.
      const isEmpty = fs.statSync(file, { throwIfNoEntry: false })?.size === 0;
      return [
        {
          message: `the record ${folder}/${name} ${isEmpty ? "is empty" : "is damaged"}`,
          fix: "it is ignored; --repair moves it to quarantine/, and the next run computes the node again",
          damage: !isEmpty,
          repair: { _tag: "SetFileAside", file },
        },
      ];
    }),
  );

const isRecord = (folder: string, record: unknown): boolean => {
  if (folder === "attempts") return isAttempts(record);
  if (folder === "adopted") return isAdoption(record);
  if (!isAction(record)) return false;
  return artifactOf("files", record.files).digest === record.action.artifact;
};

const [isAction, isAttempts, isAdoption] = [
  Schema.is(ActionRecord),
  Schema.is(AttemptsRecord),
  Schema.is(AdoptionRecord),
];

const badTags = (home: string, index: Index): ReadonlyArray<Finding> =>
  tagFiles(home).flatMap(({ file, tag }) => {
    const isKnown = tag !== undefined && index.artifact(tag.artifact) !== undefined;
    if (isKnown) return [];
    return [
      {
        message:
          tag === undefined
            ? `the tag ${file} can't be read`
            : `the tag ${tag.name} names an artifact without an action`,
        fix: "--repair moves the tag to quarantine/",
        damage: true,
        repair: { _tag: "SetFileAside", file },
      },
    ];
  });

const deadClaims = (home: string): ReadonlyArray<Finding> =>
  allClaims(home)
    .filter(({ owner }) => !seemsAlive(ownerFile(home, owner)))
    .map((claim) => ({
      message: `stale claim on ${claim.key.slice(0, 12)}… of ${claim.holder}, which is dead`,
      fix: "harmless; --repair removes it",
      damage: false,
      repair: { _tag: "RemoveClaim", claim },
    }));

const badRuns = (
  home: string,
  index: Index,
  runs: ReadonlyArray<RunToExamine>,
): ReadonlyArray<Finding> => {
  return runs.flatMap(({ run, isReadable }): ReadonlyArray<Finding> => {
    if (!isReadable)
      return [
        {
          message: `the plan of the run ${run} can't be read`,
          fix: "its results are kept; --repair moves the run's directory to quarantine/",
          damage: true,
          repair: { _tag: "SetRunAside", run },
        },
      ];
    const { links } = RunDirectory.of(home, run);
    return namesIn(links).flatMap((name) => {
      const link = path.join(links, name);
      const target = unlessThrown(() => path.basename(fs.readlinkSync(link)));
      // A recorded artifact that is missing is another finding, or `pipe gc` deleted it.
      if (fs.existsSync(link) || index.artifact(target ?? "") !== undefined) return [];
      return [
        {
          message: `the run ${run} links ${name} to an artifact without an action`,
          fix: "--repair removes the link",
          damage: false,
          repair: { _tag: "RemoveLink", link },
        },
      ];
    });
  });
};

const unlessThrown = <A>(body: () => A): A | undefined => {
  try {
    return body();
  } catch {
    return undefined;
  }
};
