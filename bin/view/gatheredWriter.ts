/** Writes to a stream, many small texts at once: a system call a line would cost more than making the line. */
import { Effect, type Scope } from "effect";

const delayMillis = 20;

/** What is written last appears when the scope closes, at the latest. */
export const gatheredWriter = (
  stream: NodeJS.WriteStream,
): Effect.Effect<(text: string) => void, never, Scope.Scope> => {
  let pending = "";
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (pending !== "") stream.write(pending);
    pending = "";
  };
  const write = (text: string) => {
    pending += text;
    timer ??= setTimeout(flush, delayMillis);
  };
  return Effect.acquireRelease(Effect.succeed(write), () => Effect.sync(flush));
};
