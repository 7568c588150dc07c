/** Opens the bundle that the command line names; the scope closes it. */
import { Effect } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { openBundle } from "../../bundle/format/open.ts";
import { UsageError } from "../UsageError.ts";

/** Unpacks an archive in a temporary folder, which the scope removes. */
export const openBundleAt = Effect.fnUntraced(function* (file: string) {
  if (!fs.existsSync(file))
    return yield* new UsageError({ message: `the bundle ${file} does not exist` });
  const scratch = yield* scratchFolder("pipe-bundle-");
  return yield* openBundle(file, path.join(scratch, "bundle"));
});

export const scratchFolder = (prefix: string) =>
  Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), prefix))),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true })),
  );
