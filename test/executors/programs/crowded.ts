/** Runs the program PROGRAM_JSON when no more files can be opened, and prints the error's tag and message. */
import { Effect } from "effect";
import fs from "node:fs";
import type { Program } from "../../../executors/Program.ts";
import { Supervisor } from "../../../executors/Supervisor.ts";
import "../../../executors/SupervisorConnection.ts"; // imported late otherwise, when its file can't be opened

const program = JSON.parse(process.argv[2]!) as Program;

const openAll = (): void => {
  try {
    for (;;) fs.openSync("/dev/null", "r");
  } catch {
    // as many as there can be
  }
};

const error = await Supervisor.use((supervisor) => {
  openAll();
  return Effect.flip(supervisor.run(program));
}).pipe(Effect.provide(Supervisor.layer), Effect.runPromise);
process.stdout.write(`${error._tag}: ${error.message}\n`);
