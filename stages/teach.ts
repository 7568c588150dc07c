/** Asks a language model for transcripts of a split, and takes the first right reply of each prompt. */
import { Effect } from "effect";
import path from "node:path";
import { type DatasetRow, eachRow } from "../kinds/Dataset.ts";
import { ChatEndpoint, type EndpointAddress } from "../remote/ChatEndpoint.ts";
import type { Completion } from "../remote/Completion.ts";
import { ReplyFile } from "../remote/ReplyFile.ts";
import { digestBytes } from "../schemas/Digest.ts";
import { Random } from "../stats/Random.ts";
import { scoreTranscript } from "../tasks/score.ts";
import { splitThinking, taughtTranscript, teachingPrompt } from "../tasks/teaching.ts";
import type { EndpointTeacher } from "./Distill.ts";
import { isBaseUrl } from "./endpointParams.ts";
import { retryWarnings } from "./retryWarnings.ts";
import { type StageContext, StageFailed } from "./StageRun.ts";
import { TeacherTally } from "./TeacherTally.ts";

type Question = Pick<DatasetRow, "id" | "task" | "query" | "ground_truth" | "perception">;

export interface Taught {
  /** By the id of the prompt. */
  readonly transcripts: ReadonlyMap<string, string>;
  readonly tally: TeacherTally;
}

export const teach = Effect.fnUntraced(function* (
  context: StageContext<unknown>,
  teacher: EndpointTeacher,
  directory: string,
  split: string,
) {
  const { checkpoints, report } = context;
  const questions: Array<Question> = [];
  yield* eachRow(directory, split, { images: false }, (row) => questions.push(row));
  const address = yield* addressOf(teacher);
  const file = yield* Effect.acquireRelease(
    Effect.promise(() => ReplyFile.open(path.join(checkpoints, "replies.jsonl"))),
    (opened) => Effect.sync(() => opened.close()),
  );
  const tally = new TeacherTally(file.failures);
  const warn = retryWarnings(context);
  const endpoint = new ChatEndpoint(address, (failure) => {
    file.addFailure(failure.kind);
    return warn(failure);
  });
  const replyTo = (body: string): Effect.Effect<Completion, StageFailed> => {
    const request = digestBytes(body);
    const kept = file.replies.get(request);
    if (kept !== undefined) return Effect.succeed(kept);
    return endpoint.ask(body).pipe(
      Effect.tap((reply) => Effect.sync(() => file.add(request, reply))),
      Effect.mapError(({ message, fix }) => new StageFailed({ message, fix })),
    );
  };
  const transcripts = new Map<string, string>();
  let done = 0;
  const answer = Effect.fnUntraced(function* (question: Question) {
    for (let sample = 0; sample < teacher.samples; sample++) {
      const reply = yield* replyTo(requestBody(teacher, question, sample));
      const { outcome, transcript } = judgeReply(teacher, question, reply);
      tally.add(outcome, reply);
      if (outcome !== "right") continue;
      transcripts.set(question.id, transcript);
      break;
    }
    done += 1;
    yield* report({ _tag: "Progress", done, total: questions.length, unit: "prompts" });
  });
  yield* Effect.forEach(questions, answer, { concurrency: teacher.concurrency, discard: true });
  return { transcripts, tally } satisfies Taught;
}, Effect.scoped);

const addressOf = Effect.fnUntraced(function* ({
  url,
  url_env,
  key_env,
  timeout_seconds: timeoutSeconds,
}: EndpointTeacher) {
  const address = url ?? (yield* valueOf(url_env!, "the address of the teacher"));
  if (!isBaseUrl(address))
    return yield* new StageFailed({
      message: `the environment variable ${url_env} holds no address of an endpoint`,
      fix: "set it to the base of /chat/completions, such as https://host/v1, without a password or a query",
    });
  const key = key_env === null ? undefined : yield* valueOf(key_env, "the key of the teacher");
  return { url: address, key, timeoutSeconds } satisfies EndpointAddress;
});

const valueOf = Effect.fnUntraced(function* (variable: string, what: string) {
  const value = process.env[variable]?.trim() ?? "";
  // A header takes nothing else.
  if (/^[!-~]+$/u.test(value)) return value;
  return yield* new StageFailed({
    message: `the environment variable ${variable} for ${what} is ${value === "" ? "not set" : "not printable ASCII"}`,
    fix: `export ${variable}, then run the same command again`,
  });
});

/** The request of a sample; its seed depends on the teacher's seed, the prompt's id and the sample's number alone. */
const requestBody = (teacher: EndpointTeacher, question: Question, sample: number): string =>
  JSON.stringify({
    ...teacher.extra,
    model: teacher.model,
    messages: [
      {
        role: "user",
        content: teachingPrompt(teacher.prompt, question.query, question.perception),
      },
    ],
    temperature: teacher.temperature,
    max_tokens: teacher.max_tokens,
    // 31 bits: some servers read a signed number.
    seed: Random.of("teacher", teacher.seed, question.id, sample).bits() >>> 1,
  });

const judgeReply = (
  { thinking: use }: EndpointTeacher,
  { id, task, ground_truth, perception }: Question,
  { content, thinking: apart, finish }: Completion,
): { readonly outcome: string; readonly transcript: string } => {
  const { thinking: inside, reply, isUnfinished } = splitThinking(content);
  const kept =
    use === "keep" ? [apart.trim(), inside].filter((part) => part !== "").join("\n") : "";
  const transcript = taughtTranscript(perception, kept, reply);
  const outcome = (): string => {
    // Even if its answer is right, it would teach never to end.
    if (finish === "length" || isUnfinished) return "truncated";
    if (reply === "") return "empty";
    const score = scoreTranscript({ id, task, ground_truth, perception, response: transcript });
    return "error" in score ? "unreadable-truth" : (score.reason ?? "right");
  };
  return { outcome: outcome(), transcript };
};
