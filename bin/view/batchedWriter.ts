/** Writes many small texts to a stream at once: one system call for each would cost more than making the text. */
import { Effect, type Scope } from "effect";

const delayMillis = 20;

/** Closing the scope writes the rest. */
export const batchedWriter = (
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
