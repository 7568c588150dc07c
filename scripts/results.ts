/**
 * `npm run results -- STUDY… [--tables]`: makes the page docs/results/STUDY from the latest run of the experiment STUDY in the
 * store (`PIPE_HOME`, or `.pipe` here); with `--tables` from the page's own tables.
 */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { Store } from "../cache/Store.ts";
import { bytesText } from "../schemas/quantity.ts";
import { storeHome } from "../bin/commands/project.ts";
import { collect } from "../report/results/collect.ts";
import { parseStudy } from "../report/results/Study.ts";
import { writePage } from "../report/results/writePage.ts";

const usage = "npm run results -- STUDY… [--tables] [--to docs/results]";

/** A size that git takes easily. */
const mostBytes = 2_000_000;

const main = async (): Promise<void> => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      tables: { type: "boolean", default: false },
      to: { type: "string", default: path.join(import.meta.dirname, "../docs/results") },
    },
  });
  if (positionals.length === 0) throw new Error(usage);
  for (const study of positionals)
    await makePage(study, path.join(values.to, study), values.tables);
};

const makePage = async (study: string, directory: string, fromTables: boolean): Promise<void> => {
  for (const name of ["study.yaml", "README.md"])
    if (!fs.existsSync(path.join(directory, name)))
      throw new Error(`${path.join(directory, name)} is missing: it is written by hand`);
  if (!fromTables) {
    const described = parseStudy(fs.readFileSync(path.join(directory, "study.yaml"), "utf8"));
    const run = await Effect.runPromise(
      collect(study, described, directory).pipe(Effect.provide(Store.layerReadOnly(storeHome()))),
    );
    console.error(`the run ${run}`);
  }
  await writePage(directory);
  const files = fs.readdirSync(directory).toSorted();
  const sizes = files.map((file) => fs.statSync(path.join(directory, file)).size);
  files.forEach((file, index) => console.error(`${bytesText(sizes[index]!).padStart(9)}  ${file}`));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total > mostBytes) console.error(`${bytesText(total)} is much for git`);
};

main().catch((error: unknown) => {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 1;
});
