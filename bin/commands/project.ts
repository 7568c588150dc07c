/** The project's directory, its store, and its experiments, for all commands. */
import { Effect, Result, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { fileKind } from "../../cache/Tree.ts";
import { compile } from "../../pipelines/experiment/Compile.ts";
import type { Graph } from "../../pipelines/experiment/Node.ts";
import type { SpecEdits } from "../../pipelines/experiment/Overrides.ts";
import { Source } from "../../pipelines/experiment/Source.ts";
import { restrictGraph, selectNodes } from "../../pipelines/plan/selection.ts";
import { type Diagnostic, InvalidSpec } from "../../schemas/Diagnostic.ts";
import { stages } from "../../stages/stages.ts";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { jsonLine } from "../view/jsonLine.ts";

/** The current directory: relative paths start here. */
export const project = (): string => process.cwd();

/** `PIPE_HOME`, or `.pipe` in the project. */
export const storeHome = (): string => path.resolve(project(), process.env["PIPE_HOME"] || ".pipe");

export interface LoadedSpec {
  readonly graph: Graph;
  readonly spec: { readonly file: string; readonly text: string };
}

/** Reads and compiles an experiment, or reports all its errors together. */
export const loadSpec = Effect.fn("loadSpec")(function* (file: string, edits: SpecEdits) {
  const bytes = yield* Effect.try({
    try: () => readFile(file),
    catch: (cause) => new UsageError({ message: unreadable(file, cause as NodeJS.ErrnoException) }),
  });
  const text = bytes.toString("utf8");
  const wrong = notUtf8(new Source(file, text), bytes);
  if (wrong !== undefined) return yield* new InvalidSpec({ diagnostics: [wrong] });
  const { graph, diagnostics } = compile(new Source(file, text), edits, stages);
  if (graph === undefined || diagnostics.length > 0) return yield* new InvalidSpec({ diagnostics });
  return { graph, spec: { file, text } } satisfies LoadedSpec;
});

/** Reads a file; of a pipe or a device it reads nothing, since that may never end. */
export const readFile = (file: string): Buffer => {
  const stat = fs.statSync(file);
  if (stat.isFile() || stat.isDirectory()) return fs.readFileSync(file);
  throw new Error(`it is ${fileKind(stat)}, not a file`);
};

/** The first byte that is not UTF-8, which a decoder would replace. */
const notUtf8 = (source: Source, bytes: Buffer): Diagnostic | undefined => {
  const encoded = Buffer.from(source.text);
  if (encoded.equals(bytes)) return undefined;
  const first = bytes.findIndex((byte, index) => byte !== encoded[index]);
  const start = bytes.subarray(0, first).toString("utf8").length;
  return {
    message: `the byte 0x${bytes[first]?.toString(16).toUpperCase()} is not UTF-8`,
    at: source.span(start, start + 1),
    expected: "a file saved as UTF-8",
  };
};

/** The part of a graph that `--only` selects, and the nodes in it that `--force` names. */
export const selectGraph = Effect.fnUntraced(function* (
  graph: Graph,
  { only, force }: { readonly only: ReadonlyArray<string>; readonly force: ReadonlyArray<string> },
) {
  const forced = yield* findNodes(graph, "--force", force);
  if (only.length === 0) return { graph, forced };
  const chosen = restrictGraph(graph, yield* findNodes(graph, "--only", only));
  for (const name of force)
    if (Result.isFailure(selectNodes(chosen, [name])))
      return yield* new UsageError({
        message: `--force ${name}: --only leaves \`${name}\` out; name it in --only, too`,
      });
  return { graph: chosen, forced: new Set(chosen.nodes.filter((node) => forced.has(node))) };
});

/** The nodes with these names; `flag` is named in the error. */
export const findNodes = (graph: Graph, flag: string, names: ReadonlyArray<string>) => {
  const nodes = selectNodes(graph, names);
  if (Result.isSuccess(nodes)) return Effect.succeed(nodes.success);
  const valid = new Set(graph.nodes.flatMap(({ name, stageName }) => [stageName, name]));
  return Effect.fail(unknownNameError("stage or node", nodes.failure, [...valid], `${flag}: `));
};

const unreadable = (file: string, error: NodeJS.ErrnoException): string => {
  if (error.code === "ENOENT") return `the experiment ${file} does not exist`;
  return error.code === "EISDIR"
    ? `${file} is a directory, not an experiment`
    : `${file} can't be read: ${error.message}`;
};

const encodeDiagnostics = Schema.encodeSync(InvalidSpec);

export const invalidSpecJson = (error: InvalidSpec): string => {
  const [first] = error.diagnostics;
  const { at, expected, suggestion } = first ?? {};
  const hints = [suggestion, expected === undefined ? undefined : `expected ${expected}`];
  const place = at === undefined ? "" : `${at.file}:${at.line}:${at.col}: `;
  const fix = `${place}${hints.filter((hint) => hint !== undefined).join("; ") || "change this value"}`;
  return jsonLine({ ...(encodeDiagnostics(error) as object), fix });
};
