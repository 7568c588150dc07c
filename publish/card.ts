/** Cards in the Hub's form: a header of YAML that the Hub reads, and a text for people. */
import { stringify } from "yaml";
import type { CardHeader } from "../bundle/describe/cards.ts";
import { licensesIn } from "../bundle/describe/terms.ts";
import { textBytes } from "../bundle/format/content.ts";

export const cardBytes = (header: CardHeader, sections: ReadonlyArray<string>): Uint8Array =>
  textBytes(`---\n${stringify(header)}---\n\n${sections.join("\n\n")}\n`);

/** The Hub writes identifiers of SPDX in small letters. */
export const licenseHeader = (expression: string): CardHeader => {
  const [first, ...others] = licensesIn(expression).map((id) => id.toLowerCase());
  return { license: others.length === 0 ? first : [first, ...others] };
};
