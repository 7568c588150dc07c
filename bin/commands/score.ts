import { Effect } from "effect";
import { Command } from "effect/cli";
import { isScoreError, scoreLine } from "../../tasks/score.ts";

/** Answers are written in chunks of this size; while stdin is idle, at once. */
const bufferedCharacters = 64 * 1024;

export const scoreCommand = Command.make("score", {}, () =>
  Effect.flatMap(Effect.promise(scoreInput), (bad) =>
    Effect.sync(() => {
      if (bad > 0)
        process.stderr.write(`${bad} ${bad === 1 ? "line" : "lines"} could not be scored\n`);
    }),
  ),
).pipe(
  Command.withDescription("Score transcripts: JSON lines on stdin, a JSON line for each on stdout"),
);

/** Answers every line of stdin in order; returns how many could not be scored. */
const scoreInput = async (): Promise<number> => {
  let bad = 0;
  let rest = "";
  let first = true;
  let answers = "";
  const answer = (line: string) => {
    if (line.trim() === "") return;
    const scored = scoreLine(line);
    if (isScoreError(scored)) bad += 1;
    answers += `${JSON.stringify(scored)}\n`;
  };
  const flush = async () => {
    const text = answers;
    answers = "";
    if (text !== "" && !process.stdout.write(text))
      await new Promise((resolve) => process.stdout.once("drain", resolve));
  };
  process.stdin.setEncoding("utf8");
  for await (const chunk of process.stdin) {
    const text = first ? String(chunk).replace(/^\uFEFF/u, "") : String(chunk);
    first = false;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      answer(line);
      if (answers.length >= bufferedCharacters) await flush();
    }
    await flush();
  }
  answer(rest);
  await flush();
  return bad;
};
