/** Level 3, predictions: each example of the split has one answer in each mode of the params. Scores alone can't show that one is missing. */
import type { Truth } from "../../kinds/Dataset.ts";
import { type Prediction, predictionsFile, readPredictions } from "../../kinds/Predictions.ts";
import type { Mode } from "../../schemas/Mode.ts";
import { audits } from "../../stages/audits.ts";
import { captionText } from "../../tasks/transcript.ts";
import { type Check, counted, Findings } from "./Check.ts";
import type { CompiledNode } from "./compiledNodes.ts";
import { type Contents, directoryOf, folderOf, runFile } from "./Contents.ts";
import { type Answered, hasSplit, type Splits } from "./splits.ts";

export const verifyPredictions = async (
  contents: Contents,
  nodes: ReadonlyArray<CompiledNode>,
  splits: Splits,
): Promise<Check> => {
  const findings = new Findings(3, "predictions");
  let answers = 0;
  for (const each of nodes) {
    const { node, bundled } = each;
    if (bundled.kind !== "predictions") continue;
    const modes = audits.get(node.stage.name)?.modes?.(node.params.decoded);
    const answered = await splits.answeredBy(node);
    if (modes === undefined || answered === undefined)
      findings.limit(
        `the predictions of \`${node.name}\` come from a \`${node.stage.name}\`: its examples are unknown`,
      );
    else answers += verifyNode(contents, each, modes, answered, findings);
  }
  return findings.check(`${counted(answers, "answer")}, one an example`);
};

/** The number of answers. */
const verifyNode = (
  contents: Contents,
  { node, bundled }: CompiledNode,
  modes: ReadonlyArray<Mode>,
  answered: Answered,
  findings: Findings,
): number => {
  const file = `${folderOf(bundled.artifact)}/${predictionsFile}`;
  const { data, split, examples } = answered;
  const add = (number: string, expected: unknown, found: unknown, message: string) =>
    findings.add({
      file,
      number,
      expected,
      found,
      message,
      from: [runFile, folderOf(data.artifact)],
    });
  if (!contents.bundle.files.has(file)) {
    if (bundled.files.some(({ path: name }) => name === predictionsFile))
      findings.limit(`the answers of \`${node.name}\` are left out, so they are not checked`);
    else add("", "present", "absent", `\`${node.name}\` must have this file`);
    return 0;
  }
  if (examples === undefined) {
    if (hasSplit(answered))
      findings.limit(
        `split \`${split}\`, which \`${node.name}\` answers, is left out: only duplicate answers are checked`,
      );
    else add("", `a split \`${split}\``, "none", "the data set has no such split");
  }
  const predictions = readPredictions(directoryOf(contents, bundled.artifact));
  const seen = new Set<string>();
  for (const prediction of predictions) {
    const { id, mode } = prediction;
    const answer = `${mode} ${id}`;
    if (seen.has(answer)) add(id, "one answer", "another", "is answered twice");
    seen.add(answer);
    if (!modes.includes(mode)) add(id, modes.join(" or "), mode, "is answered in another mode");
    if (examples === undefined) continue;
    const truth = examples.get(id);
    if (truth === undefined)
      add(id, `one of ${counted(examples.size, "example")} of ${split}`, id, "is not an example");
    else if (!hasForcedCaption(prediction, truth))
      add(
        id,
        captionText(truth.perception),
        prediction.response,
        "does not begin with the forced caption",
      );
  }
  for (const mode of modes)
    for (const id of examples?.keys() ?? [])
      if (!seen.has(`${mode} ${id}`)) add(id, "an answer", "none", `is not answered ${mode}`);
  return predictions.length;
};

const hasForcedCaption = ({ response, mode }: Prediction, { perception }: Truth): boolean =>
  mode !== "counterfactual" || response.startsWith(captionText(perception));
