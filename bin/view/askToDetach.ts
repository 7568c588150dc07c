/** Asks a person at a terminal, once, whether jobs of a cluster shall go on without `pipe`. */
import { Effect } from "effect";
import readline from "node:readline";

/** True to leave the jobs. Without an answer, as after a second Ctrl-C, they are cancelled. */
export const askToDetach = (running: number): Effect.Effect<boolean> =>
  Effect.callback<boolean>((resume) => {
    const lines = readline.createInterface({ input: process.stdin, output: process.stderr });
    const answer = (leave: boolean) => {
      lines.close();
      resume(Effect.succeed(leave));
    };
    lines.once("SIGINT", () => answer(false));
    lines.once("close", () => resume(Effect.succeed(false)));
    const nodes = running === 1 ? "1 node is" : `${running} nodes are`;
    lines.question(`\n${nodes} running. Cancel their jobs on the cluster? [Y/n] `, (said) =>
      answer(/^n/iu.test(said.trim())),
    );
  });
