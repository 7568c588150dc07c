/** Params that name a repository of the Hub at a commit. */
import { Schema } from "effect";

// The Hub's own rule for names, with the owner.
const name = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/u;
const commit = /^[\da-f]{40}$/u;

export const HubName = Schema.String.check(
  Schema.isPattern(name, { message: "a name of the Hub, `owner/name`" }),
);

export const HubRevision = Schema.String.check(
  Schema.isPattern(commit, {
    message: "a whole commit, 40 hexadecimal digits: branches and tags move",
  }),
);
