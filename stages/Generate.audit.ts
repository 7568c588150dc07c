/** Audit of `generate`: one answer for each example of the split, in the mode of the params. */
import { audit } from "./Audit.ts";
import { Generate } from "./Generate.ts";

export const generateAudit = audit(Generate, {
  examples: ({ split, limit }) => ({ split, limit }),
  mode: ({ mode }) => mode,
});
