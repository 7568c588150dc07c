import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";

const Model = Schema.fromJsonString(Schema.Struct({ description: Schema.String }));

/** What kind of model an artifact's numbers are of, in words, where it says so. */
export const modelDescription = (directory: string): ReadonlyArray<string> => {
  const file = path.join(directory, "model.json");
  return fs.existsSync(file)
    ? [Schema.decodeUnknownSync(Model)(fs.readFileSync(file, "utf8")).description]
    : [];
};
