/**
 * `verify.mjs` of a bundle: this file with all its imports (`rolldown.config.ts`). It runs levels 1 to 3 on Node 20 or newer.
 * `node verify.mjs` checks its own bundle, `node verify.mjs PATH` another archive or folder.
 */
import { Effect } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { BadBundle } from "../format/BadBundle.ts";
import { openBundle } from "../format/open.ts";
import type { Level } from "./Check.ts";
import { Report } from "./Report.ts";
import { verify } from "./verify.ts";

const highest: Level = 3;
const mismatch = 3;
const usage = 2;

const own = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const [named = own, ...others] = process.argv.slice(2);
if (others.length > 0 || !fs.existsSync(named)) {
  process.stderr.write("usage: node verify.mjs [BUNDLE], where BUNDLE is an archive or a folder\n");
  process.exit(usage);
}

/** In the temporary directory: a folder beside this file would be part of the bundle. */
const scratchFolder = (): string => {
  try {
    return fs.mkdtempSync(path.join(os.tmpdir(), "pipe-bundle-"));
  } catch (error) {
    process.stderr.write(
      `error: can't write to ${os.tmpdir()}: ${(error as Error).message}\n  set TMPDIR to a writable folder\n`,
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
