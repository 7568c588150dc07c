/** Reads the settings of a project, `pipe.yaml`: decoded, or every error with its place. Pure. */
import { Exit, Schema } from "effect";
import { type Diagnostic, unknownName } from "../../schemas/Diagnostic.ts";
import { Settings } from "../../schemas/Site.ts";
import { diagnose } from "./diagnose.ts";
import { placeAt, toJson } from "./Located.ts";
import { issueOf } from "./Params.ts";
import { parseSource } from "./parseSource.ts";
import { type Source, spanOf } from "./Source.ts";

type ReadSettings =
  | { readonly settings: Settings }
  | { readonly settings?: never; readonly diagnostics: ReadonlyArray<Diagnostic> };

const decode = Schema.decodeUnknownExit(Settings, { errors: "all", onExcessProperty: "error" });

/** `jobStages` are the names of the stages whose work is a job. */
export const readSettings = (source: Source, jobStages: ReadonlyArray<string>): ReadSettings => {
  if (source.text.trim() === "") return { settings: {} };
  const { value, diagnostics } = parseSource(source);
  if (value === undefined || diagnostics.length > 0) return { diagnostics };
  const decoded = decode(toJson(value));
  if (Exit.isFailure(decoded)) {
    const issue = issueOf(decoded);
    return { diagnostics: issue === undefined ? [] : diagnose(issue, value, "the settings") };
  }
  const unknown = (decoded.value.slurm?.local ?? []).flatMap((name, n) =>
    jobStages.includes(name)
      ? []
      : [
          unknownName(
            "stage with jobs",
            name,
            jobStages,
            spanOf(placeAt(value, ["slurm", "local", n])),
          ),
        ],
  );
  return unknown.length === 0 ? { settings: decoded.value } : { diagnostics: unknown };
};
