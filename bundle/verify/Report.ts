/** Prints the checks of a bundle and keeps the level of the first problem. */
import type { OpenBundle } from "../format/open.ts";
import { identityOf } from "./bytes.ts";
import type { Check, Level } from "./Check.ts";
import { checkText, endText, levelText } from "./checkText.ts";

export class Report {
  /** Undefined without a problem so far. */
  failed: Level | undefined;
  #level: Level | undefined;
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  tell(check: Check): void {
    if (!check.ok) this.failed ??= check.level;
    if (check.level !== this.#level) this.#print(levelText(check.level));
    this.#level = check.level;
    this.#print(checkText(check));
  }

  end(bundle: OpenBundle, last: Level): void {
    this.#print(endText(bundle.top, last, this.failed));
    if (this.failed === undefined) this.#print(`identity ${identityOf(bundle)}`);
  }
}
