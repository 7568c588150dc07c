/**
 * What a table is counted from answers the examples that the spec asks about: every one of them, each once, in the mode that was asked
 * for. Which responses were left out is nothing that a score can tell.
 */
import fs from "node:fs";
import path from "node:path";
import { lines } from "../../stages/jsonLines.ts";
import { captionText } from "../../tasks/transcript.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { type Contents, directoryOf, folderOf, runFile } from "./Contents.ts";
import type { Placed } from "./placed.ts";
import { hasSplit, type Splits } from "./splits.ts";

const fileName = "predictions.jsonl";

/** As level 2 has found every line. */
interface Prediction {
  readonly id: string;
  readonly mode: "end-to-end" | "counterfactual";
  readonly response: string;
}

export const verifyPredictions = async (
  contents: Contents,
  placed: ReadonlyArray<Placed>,
  splits: Splits,
): Promise<Check> => {
  const findings = new Findings(3, "predictions");
  let answers = 0;
  for (const each of placed) {
    const { node, bundled } = each;
    if (bundled.kind !== "predictions") continue;
    if (node.stage.name === "generate")
      answers += await verifyNode(contents, each, splits, findings);
    else
      findings.limit(
        `the predictions of \`${node.name}\` come from a \`${node.stage.name}\`: which examples they should answer is not known`,
      );
  }
  return findings.check(`${counted(answers, "answer")}, one an example`);
};

/** How many answers there are. */
const verifyNode = async (
  contents: Contents,
  { node, bundled }: Placed,
  splits: Splits,
  findings: Findings,
): Promise<number> => {
  const file = `${folderOf(bundled.artifact)}/${fileName}`;
  const place = path.join(directoryOf(contents, bundled.artifact), fileName);
  const answered = await splits.answeredBy(node);
  const from = answered === undefined ? [runFile] : [runFile, folderOf(answered.data.artifact)];
  const say = (number: string, expected: unknown, found: unknown, message: string) =>
    findings.add({ file, number, expected, found, message, from });
  if (!fs.existsSync(place)) {
    if (bundled.files.some(({ path: name }) => name === fileName))
      findings.limit(
        `the answers of \`${node.name}\` are left out: nothing is known of which they are`,
      );
    else say("", "present", "absent", `is what \`${node.name}\` writes`);
    return 0;
  }
  const { mode } = node.params.decoded as { readonly mode: Prediction["mode"] };
  const predictions = lines(place).map((line) => JSON.parse(line) as Prediction);
  const examples = answered?.examples;
  if (answered !== undefined && examples === undefined) {
    if (hasSplit(answered))
      findings.limit(
        `split \`${answered.split}\`, which \`${node.name}\` answers, is left out: only that no example is answered twice is known`,
      );
    else say("", `a split \`${answered.split}\``, "none", "answers a split that there is not");
  }
  const seen = new Set<string>();
  for (const { id, mode: found, response } of predictions) {
    if (seen.has(id)) say(id, "one answer", "another", "is answered twice");
    seen.add(id);
    if (found !== mode) say(id, mode, found, "is answered in another mode");
    const truth = examples?.get(id);
    if (truth === undefined) {
      if (examples !== undefined)
        say(id, `one of ${asked(examples.size, node)}`, id, "answers what was not asked");
    } else if (mode === "counterfactual" && !response.startsWith(captionText(truth.perception)))
      say(
        id,
        captionText(truth.perception),
        response,
        "does not begin with the caption forced on it",
      );
  }
  for (const id of examples?.keys() ?? [])
    if (!seen.has(id)) say(id, "an answer", "none", "is asked about and not answered");
  return predictions.length;
};

const asked = (count: number, { params }: Placed["node"]): string => {
  const { split, limit } = params.decoded as { readonly split: string; readonly limit: unknown };
  const examples = counted(count, "example");
  return limit === null ? `the ${examples} of ${split}` : `the first ${examples} of ${split}`;
};
