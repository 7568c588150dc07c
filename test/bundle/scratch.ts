import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/** A test in a folder of its own, which holds at its end what it should and nothing else. */
export const inScratch = (test: (folder: string) => Promise<void>) => async (): Promise<void> => {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "bundle-test-")));
  try {
    await test(folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
};
