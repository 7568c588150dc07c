/** What every command shares: the project's directory, its store, and how an experiment is read. */
import { Effect, Result, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { compile, type Graph } from "../../pipelines/Compile.ts";
import type { Overrides } from "../../pipelines/Overrides.ts";
import { Source } from "../../pipelines/Source.ts";
import { nodesNamed, restrict } from "../../pipelines/select.ts";
import { InvalidSpec } from "../../schemas/Diagnostic.ts";
import { stages } from "../../stages/stages.ts";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { jsonLine } from "../view/jsonLine.ts";

/** Where the person stands: relative paths start here. */
export const project = (): string => process.cwd();

/** `PIPE_HOME`, or `.pipe` in the project. */
export const storeHome = (): string => path.resolve(project(), process.env["PIPE_HOME"] || ".pipe");

export interface LoadedSpec {
  readonly graph: Graph;
  readonly spec: { readonly file: string; readonly text: string };
}

/** Reads, checks and expands an experiment; whatever is wrong with it is reported together. */
export const loadSpec = Effect.fn("loadSpec")(function* (file: string, overrides: Overrides) {
  const text = yield* Effect.try({
    try: () => fs.readFileSync(file, "utf8"),
    catch: (cause) => new UsageError({ message: unreadable(file, cause as NodeJS.ErrnoException) }),
  });
  const { graph, diagnostics } = compile(new Source(file, text), overrides, stages);
  if (graph === undefined) return yield* new InvalidSpec({ diagnostics });
  return { graph, spec: { file, text } } satisfies LoadedSpec;
});

/** The graph that `--only` leaves of an experiment's, and the nodes that `--force` names. */
export const choose = Effect.fnUntraced(function* (
  graph: Graph,
  { only, force }: { readonly only: ReadonlyArray<string>; readonly force: ReadonlyArray<string> },
) {
  const forced = yield* named(graph, "--force", force);
  if (only.length === 0) return { graph, forced };
  const chosen = restrict(graph, yield* named(graph, "--only", only));
  for (const name of force)
    if (Result.isFailure(nodesNamed(chosen, [name])))
      return yield* new UsageError({ message: `--force: \`${name}\` is left out by --only` });
  return { graph: chosen, forced: new Set(chosen.nodes.filter((node) => forced.has(node))) };
});

/** The nodes that names mean, where there are such; `flag` is where they were written. */
export const named = (graph: Graph, flag: string, names: ReadonlyArray<string>) => {
  const nodes = nodesNamed(graph, names);
  if (Result.isSuccess(nodes)) return Effect.succeed(nodes.success);
  const valid = new Set(graph.nodes.flatMap(({ name, stageName }) => [stageName, name]));
  return Effect.fail(unknownNameError("stage or node", nodes.failure, [...valid], `${flag}: `));
};

const unreadable = (file: string, error: NodeJS.ErrnoException): string => {
  if (error.code === "ENOENT") return `there is no file ${file}`;
  return error.code === "EISDIR"
    ? `${file} is a directory, not an experiment`
    : `${file} can't be read: ${error.message}`;
};

const encodeDiagnostics = Schema.encodeSync(InvalidSpec);

export const invalidSpecJson = (error: InvalidSpec): string => jsonLine(encodeDiagnostics(error));
