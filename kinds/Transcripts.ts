/** Kind `transcripts`: a data set whose rows have a response (`Dataset.ts`). */
import { needOfSplits } from "./Dataset.ts";
import type { Kind } from "./Kind.ts";

export const transcripts: Kind = { name: "transcripts", need: needOfSplits };
