/** Audit of `generate`: one answer for each example of the split in each mode of the params. */
import { audit } from "./Audit.ts";
import { Generate, modesOf } from "./Generate.ts";

export const generateAudit = audit(Generate, {
  examples: ({ split, limit }) => ({ split, limit }),
  modes: modesOf,
});
