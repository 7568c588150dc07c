/** Writes small files that other processes read at any moment. */
import fs from "node:fs";

/** Readers see the old content or all of the new. */
export const writeAtomically = (file: string, text: string): void => {
  const temporary = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(temporary, text);
  fs.renameSync(temporary, file);
};
