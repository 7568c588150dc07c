/**
 * `verify.mjs` of a bundle, made of this file and everything that it imports (`rolldown.config.ts`): levels 1 to 3, by Node 20 or newer
 * alone. `node verify.mjs` checks the bundle that it lies in, `node verify.mjs PATH` another, packed or not.
 */
import { Effect } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { BadBundle } from "../BadBundle.ts";
import { openBundle } from "../open.ts";
import type { Level } from "./Check.ts";
import { Report } from "./Report.ts";
import { verify } from "./verify.ts";

const highest: Level = 3;
const mismatch = 3;
const usage = 2;

const own = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const [named = own, ...others] = process.argv.slice(2);
if (others.length > 0 || !fs.existsSync(named)) {
  process.stderr.write("usage: node verify.mjs [BUNDLE], an archive or a folder that is there\n");
  process.exit(usage);
}

/** Where the system puts what is for a while; a folder beside us would be one more thing in the bundle. */
const scratchFolder = (): string => {
  try {
    return fs.mkdtempSync(path.join(os.tmpdir(), "pipe-bundle-"));
  } catch (error) {
    process.stderr.write(
      `error: nothing can be written to ${os.tmpdir()}: ${(error as Error).message}\n  set TMPDIR to a folder with room\n`,
    );
    process.exit(usage);
  }
};

const scratch = scratchFolder();
try {
  const bundle = await Effect.runPromise(openBundle(named, path.join(scratch, "bundle")));
  const report = new Report((line) => process.stdout.write(`${line}\n`));
  for await (const check of verify(bundle, highest)) report.tell(check);
  report.end(bundle, highest);
  process.exitCode = report.failed === undefined ? 0 : mismatch;
} catch (error) {
  if (!(error instanceof BadBundle)) throw error;
  process.stderr.write(`error: ${error.message}\n  ${error.fix}\n`);
  process.exitCode = mismatch;
} finally {
  fs.rmSync(scratch, { recursive: true, force: true });
}
