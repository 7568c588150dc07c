/** A bundle that the command line names, open for as long as the command needs it. */
import { Effect } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { openBundle } from "../../bundle/open.ts";
import { UsageError } from "../UsageError.ts";

/** An archive is unpacked in a folder of its own, which goes with the scope. */
export const openedBundle = Effect.fnUntraced(function* (named: string) {
  if (!fs.existsSync(named))
    return yield* new UsageError({ message: `there is no bundle ${named}` });
  const scratch = yield* scratchFolder("pipe-bundle-");
  return yield* openBundle(named, path.join(scratch, "bundle"));
});

export const scratchFolder = (prefix: string) =>
  Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), prefix))),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true })),
  );
