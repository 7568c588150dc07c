/**
 * Every rollout, as the params of its node asked for it and judged once more by the one scorer. What correlations are computed from
 * thereby is what the responses say, and all of them, and not what somebody wrote beside them or chose among them.
 */
import fs from "node:fs";
import path from "node:path";
import { canonicalJson, type Json } from "../../schemas/Digest.ts";
import { recordedParts } from "../../schemas/KeyParts.ts";
import { eachRollout } from "../../stages/rolloutLines.ts";
import { askedOf } from "./askedRollouts.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { type Contents, directoryOf, folderOf, runFile } from "./Contents.ts";
import type { Placed } from "./placed.ts";
import { RolloutGroups } from "./rolloutGroups.ts";
import { hasSplit, type Splits } from "./splits.ts";

const names = ["rollouts.jsonl", "rollouts.jsonl.gz"];

/** What is told once of all nodes. */
interface Tally {
  /** Responses that were judged. */
  judged: number;
  /** Nodes whose prompts come in an order that nobody here can tell. */
  shuffled: number;
  /** In how many rollouts a reward was not computed once more, by its name. */
  readonly taken: Map<string, number>;
}

export const verifyRollouts = async (
  contents: Contents,
  placed: ReadonlyArray<Placed>,
  splits: Splits,
): Promise<Check> => {
  const findings = new Findings(3, "rollouts");
  const seen = new Set<string>();
  const tally: Tally = { judged: 0, shuffled: 0, taken: new Map() };
  for (const each of placed) {
    const { node, bundled } = each;
    const { inputs } = bundled.keyParts as { readonly inputs: Json };
    const asks = canonicalJson([node.stage.name, bundled.artifact, node.params.key, inputs]);
    if (seen.has(asks)) continue;
    seen.add(asks);
    await verifyNode(contents, each, splits, findings, tally);
  }
  const { judged, shuffled, taken } = tally;
  if (shuffled > 0)
    findings.limit(
      `${counted(shuffled, "node")} took prompts in a random order: that each comes once each time around is looked at, not when`,
    );
  if (taken.size > 0) {
    const named = [...taken].map(([name, count]) => `${name} (${counted(count, "rollout")})`);
    findings.limit(`rewards as they stand, since to make them takes a model: ${named.join(", ")}`);
  }
  return findings.check(`${counted(judged, "response")} judged again`);
};

const verifyNode = async (
  contents: Contents,
  { node, bundled }: Placed,
  splits: Splits,
  findings: Findings,
  tally: Tally,
): Promise<void> => {
  const isSampled = ["rollout", "grpo"].includes(node.stage.name);
  const directory = directoryOf(contents, bundled.artifact);
  const name = names.find((each) => fs.existsSync(path.join(directory, each)));
  if (name === undefined) {
    if (isSampled) sayAbsent({ node, bundled }, findings);
    return;
  }
  if (!isSampled) {
    findings.limit(
      `the rollouts of \`${node.name}\` come from a \`${node.stage.name}\`: all of them is taken as it stands`,
    );
    return;
  }
  const file = `${folderOf(bundled.artifact)}/${name}`;
  const answered = await splits.answeredBy(node);
  const from = answered === undefined ? [runFile] : [runFile, folderOf(answered.data.artifact)];
  const say = (number: string, expected: unknown, found: unknown, message: string) =>
    findings.add({ file, number, expected, found, message, from });
  const examples = answered?.examples;
  if (answered !== undefined && examples === undefined) {
    if (hasSplit(answered))
      findings.limit(
        `split \`${answered.split}\`, which \`${node.name}\` samples, is left out: its verdicts and rewards are taken as they stand`,
      );
    else say("", `a split \`${answered.split}\``, "none", "is about a split that there is not");
  }
  const asked = askedOf(node.stage.name, node.params.decoded, examples);
  if (asked === undefined) return;
  if (asked.slot(1, 0)?.round !== undefined) tally.shuffled += 1;
  const { version } = recordedParts(bundled.keyParts);
  // Version 1 kept the last step of a shorter run too, where it had gone on from one.
  const alsoUpTo = node.stage.name === "grpo" && version === 1 ? (bundled.resumedFrom ?? 0) : 0;
  const groups = new RolloutGroups({ asked, examples, alsoUpTo, say });
  try {
    await eachRollout(directory, (rollout) => groups.add(rollout), new AbortController().signal);
    groups.end();
  } catch (error) {
    say("", "rollouts", (error as Error).message, "can't be read");
  }
  if (groups.more > 0)
    findings.limit(
      `\`${node.name}\` went on from a shorter run and, as version 1 did, kept ${counted(groups.more, "rollout")} of its last step besides`,
    );
  if (examples === undefined) return;
  tally.judged += groups.count;
  for (const [reward, count] of groups.taken)
    tally.taken.set(reward, (tally.taken.get(reward) ?? 0) + count);
};

const sayAbsent = ({ node, bundled }: Placed, findings: Findings): void => {
  if (bundled.files.some((file) => names.includes(file.path)))
    return findings.limit(
      `the rollouts of \`${node.name}\` are left out: nothing is known of which they are`,
    );
  findings.add({
    file: folderOf(bundled.artifact),
    number: names.join(" or "),
    expected: "present",
    found: "absent",
    message: `is what \`${node.name}\` writes`,
    from: [runFile],
  });
};
