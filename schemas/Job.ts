/**
 * The job protocol: the files through which `pipe` and a trainer communicate in the job's directory.
 *
 * Everything a trainer writes is decoded: an event line that does not decode becomes a warning, and a result that does not
 * decode is an error.
 */
import { Result, Schema, SchemaIssue } from "effect";
import { Summary } from "./Artifact.ts";

export const PROTOCOL = 1;

const protocol = Schema.Literal(PROTOCOL);

/**
 * `job.json`: the input of a job. Paths are absolute directories; `output` exists and is empty, `checkpoints` outlives attempts. An input
 * that is a fan-in is a list.
 */
export const JobFile = Schema.Struct({
  protocol,
  stage: Schema.NonEmptyString,
  attempt: Schema.NonEmptyString,
  params: Schema.JsonObject,
  inputs: Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Array(Schema.String)])),
  output: Schema.String,
  checkpoints: Schema.String,
  /** For stages with rewards: the command, as a list of arguments, that starts `pipe score` as a co-process. */
  scorer: Schema.optionalKey(Schema.Array(Schema.String)),
});
export interface JobFile extends Schema.Schema.Type<typeof JobFile> {}

/** One line of `events.jsonl`. `values` are finite numbers by name. */
export const JobEvent = Schema.Union([
  Schema.Struct({
    event: Schema.Literal("progress"),
    done: Schema.Finite,
    total: Schema.Finite,
    unit: Schema.String,
  }),
  Schema.Struct({
    event: Schema.Literal("metrics"),
    step: Schema.Finite,
    values: Schema.Record(Schema.String, Schema.Finite),
  }),
  Schema.Struct({
    event: Schema.Literal("log"),
    level: Schema.Literals(["info", "warn"]),
    message: Schema.String,
  }),
]).annotate({ expected: "a progress, metrics or log event" });
export type JobEvent = typeof JobEvent.Type;

/**
 * `result.json`: the result of an attempt. `resumed_from` is the step of the checkpoint that it resumed from, `seconds` the
 * time of each phase of the job by name.
 */
export const JobResult = Schema.Union([
  Schema.Struct({
    protocol,
    attempt: Schema.NonEmptyString,
    status: Schema.Literal("ok"),
    summary: Summary,
    resumed_from: Schema.NullOr(Schema.Int),
    seconds: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite)),
  }),
  Schema.Struct({
    protocol,
    attempt: Schema.NonEmptyString,
    status: Schema.Literal("failed"),
    message: Schema.String,
    fix: Schema.String,
  }),
]).annotate({ expected: `a result of protocol ${PROTOCOL}, "ok" or "failed"` });
export type JobResult = typeof JobResult.Type;

const SHOWN_CHARACTERS = 200;
const shorten = (text: string): string =>
  text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;

const parseJson = (text: string): Result.Result<unknown, string> =>
  Result.try({ try: () => JSON.parse(text) as unknown, catch: () => "it is not JSON" });

const issues = SchemaIssue.makeFormatterStandardSchemaV1();

/** The first problem, such as `steps.0.id: expected string`. */
const firstIssue = (error: Schema.SchemaError): string => {
  const issue = issues(error.issue).issues[0];
  const path = (issue?.path ?? [])
    .map((part) => String(typeof part === "object" ? part.key : part))
    .join(".");
  const message = issue?.message ?? error.message;
  return path === "" ? message : `${path}: ${message}`;
};

const eventOf = Schema.decodeUnknownResult(JobEvent);
const resultOf = Schema.decodeUnknownResult(JobResult);

/** The event of a line of `events.jsonl`; an unreadable line becomes a warning that shows it. */
export const decodeJobEvent = (line: string): JobEvent => {
  const event = Result.flatMap(parseJson(line), (value) =>
    Result.mapError(eventOf(value), firstIssue),
  );
  if (Result.isSuccess(event)) return event.success;
  return {
    event: "log",
    level: "warn",
    message: `unreadable line in events.jsonl (${event.failure}): ${shorten(line)}`,
  };
};

/**
 * The result in the text of `result.json`, or the reason why it is invalid. A result of another attempt, left by a process
 * that outlived its job, is invalid.
 */
export const decodeJobResult = (
  text: string,
  attempt: string,
): Result.Result<JobResult, string> => {
  const result = Result.flatMap(parseJson(text), (value) =>
    Result.mapError(resultOf(value), firstIssue),
  );
  if (Result.isFailure(result)) return Result.fail(`result.json cannot be read: ${result.failure}`);
  if (result.success.attempt !== attempt) {
    return Result.fail(
      `result.json belongs to attempt ${result.success.attempt}, not to ${attempt}`,
    );
  }
  return Result.succeed(result.success);
};
