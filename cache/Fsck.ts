/**
 * Looks at everything that the store says, and says what is not so. Nothing is changed here; each finding carries what
 * would put it right.
 */
import fs from "node:fs";
import path from "node:path";
import type { TreeFile } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { namesIn } from "./diskUse.ts";
import { hashBlobs, type HashedBlob, type Progress } from "./hashBlobs.ts";
import type { Index } from "./Index.ts";
import { seemsAlive } from "./OwnerLock.ts";
import { artifactOf, hashFile, listFiles } from "./Tree.ts";
import { isAsStored, Trees } from "./Trees.ts";
import { decodeAction, decodeFiles } from "./records.ts";

/** What puts a finding right. */
export type Repair =
  | { readonly _tag: "SetBlobAside"; readonly blob: string }
  | { readonly _tag: "SetArtifactAside"; readonly artifact: Digest }
  | { readonly _tag: "RestoreTimes"; readonly files: ReadonlyArray<readonly [string, TreeFile]> }
  | { readonly _tag: "RestoreBlobs"; readonly files: ReadonlyArray<readonly [string, TreeFile]> }
  | { readonly _tag: "ForgetAction"; readonly id: number }
  | { readonly _tag: "ForgetTag"; readonly name: string }
  | { readonly _tag: "ForgetClaim"; readonly key: string; readonly owner: string }
  | { readonly _tag: "SetRunAside"; readonly run: string }
  | { readonly _tag: "RemoveLink"; readonly link: string };

export interface Finding {
  /** What was found, in a sentence. */
  readonly message: string;
  /** What it means and what to do. */
  readonly fix: string;
  /** Whether something that was made is lost or wrong; the rest is untidy and harms nobody. */
  readonly damage: boolean;
  readonly repair: Repair;
}

export interface Examined {
  readonly findings: ReadonlyArray<Finding>;
  readonly artifacts: number;
  readonly blobs: number;
}

/** `isReadable`: whether a run's plan can be read. */
export const examine = async (
  home: string,
  index: Index,
  runs: ReadonlyArray<{ readonly run: string; readonly isReadable: boolean }>,
  report: (progress: Progress) => void,
): Promise<Examined> => {
  const blobs = await hashBlobs(home, report);
  const findings: Array<Finding> = [...badBlobs(blobs)];
  const rows = index.rows("SELECT digest, files FROM artifacts WHERE collected = 0");
  for (const row of rows) {
    const digest = String(row["digest"]);
    const found = await examineArtifact(home, digest, String(row["files"]), blobs);
    // What pipe gc has taken meanwhile is not missing.
    if (found !== undefined && isThere(index, digest))
      findings.push(described(index, digest, found));
  }
  findings.push(...badActions(index), ...badTags(index), ...deadClaims(home, index));
  findings.push(...badRuns(home, index, runs));
  return { findings, artifacts: rows.length, blobs: blobs.size };
};

const isThere = (index: Index, digest: Digest): boolean =>
  index.rows("SELECT 1 FROM artifacts WHERE digest = ? AND collected = 0", digest).length > 0;

const badBlobs = (blobs: ReadonlyMap<number, HashedBlob>): ReadonlyArray<Finding> =>
  [...blobs.values()]
    .filter(({ sound }) => !sound)
    .map(({ file, sha256 }) => ({
      message: `the blob ${path.basename(file).slice(0, 12)}… holds other bytes than were stored (${sha256.slice(0, 12)}…)`,
      fix: "something wrote to it, or the disk lost bits; with --repair it is set aside under quarantine/",
      damage: true,
      repair: { _tag: "SetBlobAside", blob: file },
    }));

/** What is wrong with an artifact, and how it is put right. */
interface Wrong {
  readonly what: string;
  readonly repair: Repair;
}

const examineArtifact = async (
  home: string,
  digest: Digest,
  said: string,
  blobs: ReadonlyMap<number, HashedBlob>,
): Promise<Wrong | undefined> => {
  const trees = new Trees(home);
  const tree = trees.directoryOf(digest);
  const aside = (what: string): Wrong => ({
    what,
    repair: { _tag: "SetArtifactAside", artifact: digest },
  });
  const files = unlessThrown(() => decodeFiles(said));
  if (files === undefined || artifactOf("files", files).digest !== digest)
    return aside("the index's list of its files is not what was recorded");
  if (!fs.existsSync(tree)) return aside("its files are gone");
  const listed = unlessThrown(() => listFiles(tree));
  const expected = new Set(files.map((file) => file.path));
  const strange = listed?.files.find((name) => !expected.has(name));
  if (listed === undefined || listed.linked.size > 0) return aside("it holds links of others");
  if (strange !== undefined) return aside(`it holds ${strange}, which is none of its files`);

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
      what: `${touched.map(([, file]) => file.path).join(", ")} was touched: its bytes are right, its time or mode is not`,
      repair: { _tag: "RestoreTimes", files: touched },
    };
  if (nameless.length > 0)
    return {
      what: `${nameless.map(([, file]) => file.path).join(", ")} has no blob any more, though its bytes are right`,
      repair: { _tag: "RestoreBlobs", files: nameless },
    };
  return undefined;
};

const fixes: Partial<Record<Repair["_tag"], string>> = {
  SetArtifactAside:
    "with --repair it is set aside under quarantine/, and the next run that needs it makes it anew",
  RestoreTimes: "with --repair they are put back, and it is served again",
  RestoreBlobs: "with --repair the blob is made again from the artifact's file",
};

const described = (index: Index, digest: Digest, { what, repair }: Wrong): Finding => {
  const [row] = index.rows(
    "SELECT node, experiment FROM actions WHERE artifact = ? ORDER BY id DESC LIMIT 1",
    digest,
  );
  const made = row === undefined ? "" : ` (${String(row["node"])} of ${String(row["experiment"])})`;
  return {
    message: `the artifact ${digest.slice(0, 12)}…${made} is not as it was stored: ${what}`,
    fix: fixes[repair._tag] ?? "",
    damage: repair._tag !== "RestoreBlobs",
    repair,
  };
};

const badActions = (index: Index): ReadonlyArray<Finding> => {
  const finding = (id: number, node: string, what: string): Finding => ({
    message: `the action that made ${node} ${what}`,
    fix: "it answers nothing; with --repair it is forgotten, and the next run makes the node anew",
    damage: true,
    repair: { _tag: "ForgetAction", id },
  });
  const known = new Set(index.rows("SELECT digest FROM artifacts").map(({ digest }) => digest));
  return index
    .rows("SELECT id, node, artifact, record FROM actions")
    .flatMap(({ id, node, artifact, record }) => {
      if (!known.has(artifact ?? null))
        return [
          finding(Number(id), String(node), "names an artifact that the index does not know"),
        ];
      return unlessThrown(() => decodeAction(record)) === undefined
        ? [finding(Number(id), String(node), "can't be read")]
        : [];
    });
};

const badTags = (index: Index): ReadonlyArray<Finding> =>
  index
    .rows("SELECT name FROM tags WHERE artifact NOT IN (SELECT digest FROM artifacts)")
    .map(({ name }) => ({
      message: `the tag ${String(name)} is for an artifact that the index does not know`,
      fix: "with --repair the tag is taken away",
      damage: true,
      repair: { _tag: "ForgetTag", name: String(name) },
    }));

const deadClaims = (home: string, index: Index): ReadonlyArray<Finding> =>
  index
    .rows("SELECT key, owner, holder FROM claims")
    .filter(({ owner }) => !seemsAlive(path.join(home, "owners", String(owner))))
    .map(({ key, owner, holder }) => ({
      message: `a claim on ${String(key).slice(0, 12)}… is left from ${String(holder)}, which is gone`,
      fix: "it keeps nobody out; with --repair it is removed",
      damage: false,
      repair: { _tag: "ForgetClaim", key: String(key), owner: String(owner) },
    }));

const badRuns = (
  home: string,
  index: Index,
  runs: ReadonlyArray<{ readonly run: string; readonly isReadable: boolean }>,
): ReadonlyArray<Finding> => {
  // What is known and not there is told of as an artifact, or was taken by pipe gc.
  const known = new Set(index.rows("SELECT digest FROM artifacts").map(({ digest }) => digest));
  return runs.flatMap(({ run, isReadable }): ReadonlyArray<Finding> => {
    if (!isReadable)
      return [
        {
          message: `the plan of the run ${run} can't be read`,
          fix: "what it made is there all the same; with --repair its directory is set aside under quarantine/",
          damage: true,
          repair: { _tag: "SetRunAside", run },
        },
      ];
    const links = path.join(home, "runs", run, "artifacts");
    return namesIn(links).flatMap((name) => {
      const link = path.join(links, name);
      const target = unlessThrown(() => path.basename(fs.readlinkSync(link)));
      if (fs.existsSync(link) || known.has(target ?? null)) return [];
      return [
        {
          message: `the run ${run} links to an artifact of ${name} that the index does not know`,
          fix: "with --repair the link is removed",
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
