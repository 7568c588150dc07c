/** A drawing as a file has it: in the light colours of the page's style sheet, and rounded. */
import fs from "node:fs";
import path from "node:path";
import { root } from "../../schemas/root.ts";

export const finished = (svg: string): string => rounded(inLight(svg));

/** A tenth of a pixel is fine enough for print, and makes files smaller. */
const rounded = (svg: string): string =>
  svg.replaceAll(
    /( d=")([^"]*)/gu,
    (_, start: string, numbers: string) => start + numbers.replaceAll(/(\.\d)\d+/gu, "$1"),
  );

const inLight = (svg: string): string => {
  const style = fs.readFileSync(path.join(root, "report/page/style.css"), "utf8");
  const [light = ""] = style.split("@media");
  const colours = new Map(
    [...light.matchAll(/(?<name>--[\w-]+): (?<value>#\w+);/gu)].map(({ groups }) => [
      groups!["name"]!,
      groups!["value"]!,
    ]),
  );
  return svg.replaceAll(/var\((--[\w-]+)\)/gu, (_, name: string) => colours.get(name)!);
};
