/** Level 3: every key from the experiment, every number from the answers, every description from the rest. */
import { type MakePage, pageFile } from "../format/MakePage.ts";
import type { OpenBundle } from "../format/open.ts";
import type { Check } from "./Check.ts";
import { verifyClaims } from "./claims.ts";
import { verifyCode } from "./code.ts";
import { readContents } from "./Contents.ts";
import { verifyDescriptions } from "./descriptions.ts";
import { verifyEnvironments } from "./environments.ts";
import { verifyKeys } from "./keys.ts";
import { verifyPage } from "./page.ts";
import { verifyPredictions } from "./predictions.ts";
import { repeatNumbers } from "./repeatedNumbers.ts";
import { verifyRollouts } from "./rollouts.ts";
import { Splits } from "./splits.ts";

/** Numbers are recomputed in `scratch`. */
export const verifyNumbers = async function* (
  bundle: OpenBundle,
  scratch: string,
  makePage: MakePage | undefined,
): AsyncGenerator<Check> {
  const contents = readContents(bundle);
  const { check, compiled } = verifyKeys(contents);
  yield check;
  // Right keys mean that params and inputs are the experiment's; the other checks rely on that.
  if (!check.ok || compiled === undefined) return;
  yield verifyCode(contents);
  yield verifyEnvironments(contents);
  const splits = new Splits(contents, compiled);
  yield await verifyPredictions(contents, compiled, splits);
  yield await verifyRollouts(contents, compiled, splits);
  yield* repeatNumbers(contents, compiled, scratch);
  yield verifyClaims(contents);
  yield verifyDescriptions(contents);
  if (bundle.files.has(pageFile)) yield await verifyPage(bundle, makePage);
};
