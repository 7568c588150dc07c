/** Kind `files`: files of a program or a person, of unknown form. */
import type { Kind } from "./Kind.ts";

export const files: Kind = {
  name: "files",
  isForeign: true,
  need: (_, { isCounted }) => (isCounted ? "claims" : "room"),
};
