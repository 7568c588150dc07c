/** What the index holds as text, read with every doubt: these throw where it can't have been written by us. */
import { Schema } from "effect";
import { Action, TreeFile } from "../schemas/Artifact.ts";

export const decodeAction = Schema.decodeUnknownSync(Schema.fromJsonString(Action));
export const decodeFiles = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(TreeFile)));
