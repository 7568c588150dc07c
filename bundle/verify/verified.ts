/** Verifies a bundle and says so line by line. */
import type { OpenBundle } from "../open.ts";
import type { Level } from "./Check.ts";
import { checkText, endText, levelText } from "./text.ts";
import { verify } from "./verify.ts";

/** The level that found a problem; undefined where none did. */
export const verified = async (
  bundle: OpenBundle,
  last: Level,
  print: (line: string) => void,
): Promise<Level | undefined> => {
  let failed: Level | undefined;
  let level = 0;
  for await (const check of verify(bundle, last)) {
    if (check.level !== level) print(levelText(check.level));
    level = check.level;
    print(checkText(check));
    if (!check.ok) failed ??= check.level;
  }
  print(endText(bundle.top, last, failed));
  return failed;
};
