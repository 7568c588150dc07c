/** Builds the bundle that `bin/pipe` runs, once before all tests. */
import { execFileSync } from "node:child_process";
import { globSync, statSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

// Folders are looked at, too: taking a file away changes nothing else.
const sources = "{bin,pipelines,stages,tasks,stats,cache,executors,schemas}{,/**}";

const modified = (file: string): number =>
  statSync(join(root, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** A build replaces `dist/` under the feet of whoever runs it, so there is one only where something has changed. */
export const setup = (): void => {
  const built = modified("dist/pipe.js");
  const inputs = [...globSync(sources, { cwd: root }), "rolldown.config.ts", "package-lock.json"];
  if (inputs.every((file) => modified(file) < built)) return;
  const bin = join(root, "node_modules/.bin");
  execFileSync(join(bin, "node"), [join(bin, "rolldown"), "-c", "--log-level", "warn"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
};
