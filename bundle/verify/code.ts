/**
 * Level 3, code: a key names a stage's version, `stages.lock.json` lists the files that the version stands for, and the bundle has those
 * files. The list itself is the lock's: recomputing it takes a parser, which `pipe stages` has.
 */
import { Schema } from "effect";
import { type Digest, shortDigest } from "../../schemas/Digest.ts";
import { recordedParts } from "../../schemas/KeyParts.ts";
import { originOf } from "../../stages/audits.ts";
import { closureDigest } from "../../stages/code/review.ts";
import { digestText } from "../../stages/code/SourceModule.ts";
import { numberRuns } from "../../stages/numberRuns.ts";
import { stages as registry } from "../../stages/stages.ts";
import { groupBy } from "../../stats/groupBy.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { type Contents, lockFile, runFile, sourceFolder, textOf } from "./Contents.ts";

const LockedStage = Schema.Struct({
  version: Schema.Int,
  digest: Schema.String,
  files: Schema.Record(Schema.String, Schema.String),
  packages: Schema.Record(Schema.String, Schema.String),
});
interface LockedStage extends Schema.Schema.Type<typeof LockedStage> {}

export const decodeLock = Schema.decodeUnknownSync(
  Schema.fromJsonString(Schema.Record(Schema.String, LockedStage)),
);

/** Requires a bundle whose keys are right. */
export const verifyCode = (contents: Contents): Check => {
  const findings = new Findings(3, "code");
  const lock = decodeLock(textOf(contents.bundle, lockFile));
  noteUnchecked(contents, findings);
  const stages = groupBy(contents.run.nodes, ({ stage }) => stage);
  const files = new Set<string>();
  for (const [stage, nodes] of stages) {
    const locked = lock[stage];
    const recorded = nodes.map(({ node, keyParts }) => ({ node, ...recordedParts(keyParts) }));
    const newest = Math.max(locked?.version ?? 0, registry.get(stage)?.version ?? 0);
    for (const { node, version } of recorded)
      if (version < 1 || version > newest)
        findings.add({
          file: runFile,
          number: `${node}: keyParts.version`,
          expected: `1 to ${newest}`,
          found: version,
          message: `\`${stage}\` never had this version`,
          from: [lockFile],
        });
    const isLocked = recorded.map(
      ({ version, code }) => code === undefined && version === locked?.version,
    );
    if (locked !== undefined && isLocked.includes(true)) {
      verifyStage(contents, stage, locked, findings);
      for (const file of Object.keys(locked.files)) files.add(file);
    }
    if (isLocked.includes(false))
      findings.limit(
        `\`${stage}\` ran other code than these sources; its keys name it by version or digest`,
      );
  }
  return findings.check(`${counted(stages.size, "stage")}, ${counted(files.size, "source file")}`);
};

/** Notes the results that level 3 accepts without recomputing them. */
const noteUnchecked = ({ run }: Contents, findings: Findings): void => {
  const nodesOf = (isSuch: (stage: string) => boolean) => {
    const nodes = run.nodes.filter(({ stage }) => isSuch(stage));
    const names = [...new Set(nodes.map(({ stage }) => stage))].sort();
    return { count: nodes.length, named: names.map((name) => `\`${name}\``).join(", ") };
  };
  const outside = nodesOf((stage) => originOf(stage) !== "computed");
  if (outside.count > 0)
    findings.limit(
      `${counted(outside.count, "node")} of ${outside.named}: results and summaries not recomputed`,
    );
  const data = nodesOf((stage) => originOf(stage) === "computed" && !numberRuns.has(stage));
  if (data.count > 0)
    findings.limit(
      `${counted(data.count, "node")} of ${data.named}: data sets not recomputed; level 4 does it`,
    );
};

const verifyStage = (
  { bundle }: Contents,
  stage: string,
  locked: LockedStage,
  findings: Findings,
): void => {
  const digests: Record<string, Digest> = {};
  for (const [name, recorded] of Object.entries(locked.files)) {
    const file = `${sourceFolder}/${name}`;
    const digest = bundle.files.has(file) ? digestText(textOf(bundle, file)) : "absent";
    digests[name] = digest;
    if (shortDigest(digest) === recorded) continue;
    findings.add({
      file,
      expected: recorded,
      found: shortDigest(digest),
      message: `differs from the file of \`${stage}\` version ${locked.version}`,
      from: [lockFile],
    });
  }
  const found = closureDigest(digests, locked.packages);
  if (found === locked.digest) return;
  const message = "is not the digest of its files and packages";
  findings.add({ file: lockFile, number: stage, expected: found, found: locked.digest, message });
};
