/** Makes a page of docs/results from the files in its folder: differences, figures, and the marked blocks of its README. */
import fs from "node:fs";
import path from "node:path";
import { differencesNamed } from "./differences.ts";
import { drawFigure } from "./figures.ts";
import { fill } from "./fill.ts";
import { Page } from "./Page.ts";
import { tableText } from "./tables.ts";

export const writePage = async (directory: string): Promise<void> => {
  const page = new Page(directory);
  const { study } = page;
  const blocks = new Map<string, string>();
  const made = new Map<string, string>();
  const differences = Object.keys(study.differences).map((name) => [
    name,
    differencesNamed(page, name),
  ]);
  if (differences.length > 0)
    made.set("differences.json", `${JSON.stringify(Object.fromEntries(differences), null, 2)}\n`);
  for (const [name, table] of Object.entries(study.tables))
    blocks.set(`table: ${name}`, tableText(page, table));
  for (const [name, figure] of Object.entries(study.figures)) {
    const { svg, alternative, caption } = await drawFigure(page, figure);
    made.set(`${name}.svg`, svg);
    blocks.set(`figure: ${name}`, `![${alternative}](${name}.svg)\n\n${caption}`);
  }
  const readme = path.join(directory, "README.md");
  made.set("README.md", fill(fs.readFileSync(readme, "utf8"), blocks));
  for (const [file, text] of made) fs.writeFileSync(path.join(directory, file), text);
};
