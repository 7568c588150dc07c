import { Effect } from "effect";
import type { RequestFailed } from "../remote/Retries.ts";
import type { StageContext } from "./StageRun.ts";

/** Warns of failed requests that are retried, once for each kind of failure. */
export const retryWarnings = ({ report }: StageContext<unknown>) => {
  const warned = new Set<string>();
  return ({ kind, message }: RequestFailed): Effect.Effect<void> => {
    if (warned.has(kind)) return Effect.void;
    warned.add(kind);
    return report({ _tag: "Message", level: "warn", message: `${message}; trying again` });
  };
};
