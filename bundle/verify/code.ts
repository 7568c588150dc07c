/**
 * The code behind the keys. A key says a stage's version; `stages.lock.json` says which files that version stands for, and the bundle
 * has these files. Which files they are is the lock's word: to find out anew needs a parser, which `pipe stages` has.
 */
import { Schema } from "effect";
import { type Digest, shortDigest } from "../../schemas/Digest.ts";
import { recordedParts } from "../../schemas/KeyParts.ts";
import { closureDigest } from "../../stages/code/review.ts";
import { digestText } from "../../stages/code/SourceModule.ts";
import type { Stage } from "../../stages/Stage.ts";
import { stages as registry } from "../../stages/stages.ts";
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

/** For a bundle whose keys are right. */
export const verifyCode = (contents: Contents): Check => {
  const findings = new Findings(3, "code");
  const lock = decodeLock(textOf(contents.bundle, lockFile));
  const { nodes } = contents.run;
  sayWhatIsTaken(contents, findings);
  // Node 20 has no `Map.groupBy`.
  const stages = new Set(nodes.map(({ stage }) => stage));
  const files = new Set<string>();
  for (const stage of stages) {
    const locked = lock[stage];
    const recorded = nodes
      .filter((node) => node.stage === stage)
      .map(({ node, keyParts }) => ({ node, ...recordedParts(keyParts) }));
    const newest = Math.max(locked?.version ?? 0, registry.get(stage)?.version ?? 0);
    for (const { node, version } of recorded)
      if (version < 1 || version > newest)
        findings.add({
          file: runFile,
          number: `${node}: keyParts.version`,
          expected: `1 to ${newest}`,
          found: version,
          message: `is a version that \`${stage}\` never had`,
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
        `\`${stage}\` ran other code than its version stands for in these sources; the keys say which, by version or digest`,
      );
  }
  return findings.check(`${counted(stages.size, "stage")}, ${counted(files.size, "source file")}`);
};

/** What no number can be traced behind without doing the work again. */
const sayWhatIsTaken = ({ run }: Contents, findings: Findings): void => {
  const made = (isSuch: (stage: Stage) => boolean) => {
    const nodes = run.nodes.filter(({ stage }) => isSuch(registry.get(stage)!));
    const names = [...new Set(nodes.map(({ stage }) => stage))].sort();
    return { count: nodes.length, named: names.map((name) => `\`${name}\``).join(", ") };
  };
  const outside = made((stage) => stage.trainer !== undefined || stage.sources !== undefined);
  if (outside.count > 0)
    findings.limit(
      `${counted(outside.count, "node")} of ${outside.named}: what they made, and what their summaries say, is taken as it stands`,
    );
  const data = made(({ name }) => name === "render" || name === "distill");
  if (data.count > 0)
    findings.limit(
      `${counted(data.count, "node")} of ${data.named}: the data sets are taken as they stand; level 4 makes them again`,
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
    const message = `is not what version ${locked.version} of \`${stage}\` stands for`;
    findings.add({
      file,
      expected: recorded,
      found: shortDigest(digest),
      message,
      from: [lockFile],
    });
  }
  const found = closureDigest(digests, locked.packages);
  if (found === locked.digest) return;
  const message = "is not the digest of its files and packages";
  findings.add({ file: lockFile, number: stage, expected: found, found: locked.digest, message });
};
