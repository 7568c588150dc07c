/** The last lines of a log file. */
import fs from "node:fs";

const tailBytes = 16 * 1024;
const tailLines = 20;

/** Empty where there is no log. */
export const logTail = (log: string): ReadonlyArray<string> => {
  if (!fs.existsSync(log)) return [];
  const descriptor = fs.openSync(log, "r");
  try {
    const { size } = fs.fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    fs.readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    return buffer
      .toString("utf8")
      .trimEnd()
      .split("\n")
      .slice(-tailLines)
      .filter((line) => line !== "");
  } finally {
    fs.closeSync(descriptor);
  }
};
