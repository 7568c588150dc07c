/** Where a file of pipe's sources lies: in a checkout as in an installed package. */
import fs from "node:fs";
import path from "node:path";
import { root } from "../../schemas/root.ts";

/** npm leaves two files out of its packages. `scripts/prepare.sh` copies them to `dist/`, under other names. */
const packedAs: Readonly<Record<string, string>> = {
  ".npmrc": "dist/npmrc",
  "package-lock.json": "dist/lock.json",
};

/** `file` is relative to the root, with `/`. */
export const sourceFile = (file: string): string => {
  const place = path.join(root, file);
  const packed = packedAs[file];
  return packed === undefined || fs.existsSync(place) ? place : path.join(root, packed);
};
