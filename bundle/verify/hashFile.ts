import { createHash } from "node:crypto";
import fs from "node:fs";

const chunkBytes = 1 << 18;

/** The hex digest of a file, read in pieces. */
export const hashFile = (file: string, algorithm: "sha256" | "sha512"): string => {
  const hasher = createHash(algorithm);
  const chunk = Buffer.allocUnsafe(chunkBytes);
  const descriptor = fs.openSync(file, "r");
  try {
    for (let read = chunkBytes; read > 0;) {
      read = fs.readSync(descriptor, chunk, 0, chunkBytes, null);
      hasher.update(chunk.subarray(0, read));
    }
  } finally {
    fs.closeSync(descriptor);
  }
  return hasher.digest("hex");
};
