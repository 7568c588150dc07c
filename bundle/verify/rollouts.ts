/**
 * Level 3, rollouts: every node that samples has exactly the rollouts that its params request, and their verdicts and rewards are
 * recomputed. So correlations rest on what the responses say, and on all of them.
 */
import { canonicalJson, type Json } from "../../schemas/Digest.ts";
import { recordedParts } from "../../schemas/KeyParts.ts";
import type { RolloutFinding } from "../../stages/Audit.ts";
import { audits } from "../../stages/audits.ts";
import { eachRollout, rolloutsFiles } from "../../kinds/Rollouts.ts";
import { type Check, counted, Findings } from "./Check.ts";
import type { CompiledNode } from "./compiledNodes.ts";
import { type Contents, directoryOf, folderOf, runFile } from "./Contents.ts";
import { RolloutCheck } from "./RolloutCheck.ts";
import { hasSplit, type Splits } from "./splits.ts";

/** Facts that the notes report once for all nodes. */
interface Tally {
  judged: number;
  /** Nodes with prompts in a random order. */
  shuffled: number;
  /** Rollouts with a reward as written, by its name. */
  readonly unchecked: Map<string, number>;
}

export const verifyRollouts = async (
  contents: Contents,
  nodes: ReadonlyArray<CompiledNode>,
  splits: Splits,
): Promise<Check> => {
  const findings = new Findings(3, "rollouts");
  const seen = new Set<string>();
  const tally: Tally = { judged: 0, shuffled: 0, unchecked: new Map() };
  for (const each of nodes) {
    const { node, bundled } = each;
    const { inputs } = bundled.keyParts as { readonly inputs: Json };
    const work = canonicalJson([node.stage.name, bundled.artifact, node.params.key, inputs]);
    if (seen.has(work)) continue;
    seen.add(work);
    await verifyNode(contents, each, splits, findings, tally);
  }
  const { judged, shuffled, unchecked } = tally;
  if (shuffled > 0)
    findings.limit(
      `${counted(shuffled, "node")} took prompts in a random order: each prompt occurs once in each pass; the order within a pass is not checked`,
    );
  if (unchecked.size > 0) {
    const named = [...unchecked].map(([name, count]) => `${name} (${counted(count, "rollout")})`);
    findings.limit(`rewards not recomputed (need a model): ${named.join(", ")}`);
  }
  return findings.check(`${counted(judged, "response")} judged again`);
};

const verifyNode = async (
  contents: Contents,
  compiled: CompiledNode,
  splits: Splits,
  findings: Findings,
  tally: Tally,
): Promise<void> => {
  const { node, bundled } = compiled;
  const expectedOf = audits.get(node.stage.name)?.rollouts;
  const file = rolloutsToCheck(contents, compiled, expectedOf !== undefined, findings);
  if (file === undefined || expectedOf === undefined) return;
  const answered = await splits.answeredBy(node);
  const from = answered === undefined ? [runFile] : [runFile, folderOf(answered.data.artifact)];
  const add = ({ where, ...sides }: RolloutFinding) =>
    findings.add({ file, number: where, ...sides, from });
  const examples = answered?.examples;
  if (answered !== undefined && examples === undefined) {
    const { split } = answered;
    const message = "the data set has no such split";
    if (hasSplit(answered))
      findings.limit(
        `split \`${split}\`, which \`${node.name}\` samples, is left out: its verdicts and rewards are not recomputed`,
      );
    else add({ where: "", expected: `a split \`${split}\``, found: "none", message });
  }
  const expected = expectedOf(node.params.decoded, {
    ids: examples === undefined ? undefined : [...examples.keys()],
    version: recordedParts(bundled.keyParts).version,
    resumedFrom: bundled.resumedFrom,
  });
  if (expected.slot(1, 0)?.round !== undefined) tally.shuffled += 1;
  const check = new RolloutCheck(expected, examples, add);
  try {
    const directory = directoryOf(contents, bundled.artifact);
    await eachRollout(directory, (rollout) => check.add(rollout), new AbortController().signal);
    check.end();
  } catch (error) {
    const found = (error as Error).message;
    add({ where: "", expected: "rollouts", found, message: "can't be read" });
  }
  if (check.tolerated > 0)
    findings.limit(
      `\`${node.name}\` resumed a shorter run and kept ${counted(check.tolerated, "rollout")} of its last step, as this version of \`${node.stage.name}\` did`,
    );
  if (examples === undefined) return;
  tally.judged += check.count;
  for (const [reward, count] of check.unchecked)
    tally.unchecked.set(reward, (tally.unchecked.get(reward) ?? 0) + count);
};

/** The node's file of rollouts, if it can be checked; otherwise a finding or a note says why not. */
const rolloutsToCheck = (
  { bundle }: Contents,
  { node, bundled }: CompiledNode,
  hasAudit: boolean,
  findings: Findings,
): string | undefined => {
  const written = bundled.files.find(({ path }) => rolloutsFiles.includes(path))?.path;
  const folder = folderOf(bundled.artifact);
  const file = `${folder}/${written}`;
  if (written === undefined) {
    if (hasAudit)
      findings.add({
        file: folder,
        number: rolloutsFiles.join(" or "),
        expected: "present",
        found: "absent",
        message: `\`${node.name}\` must have this file`,
        from: [runFile],
      });
    return undefined;
  }
  if (!bundle.files.has(file)) {
    if (hasAudit)
      findings.limit(`the rollouts of \`${node.name}\` are left out, so they are not checked`);
    return undefined;
  }
  if (hasAudit) return file;
  findings.limit(
    `the rollouts of \`${node.name}\` come from a \`${node.stage.name}\` and are not checked`,
  );
  return undefined;
};
