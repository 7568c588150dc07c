/** Sudoku transcripts for `pipe score`: 9x9, by the solver, one in four with an error. */
import { Random } from "../stats/Random.ts";
import { tasks } from "../tasks/tasks.ts";
import { respond } from "../tasks/transcript.ts";

export const generateTranscripts = (count) => {
  const task = tasks["sudoku"];
  const distinct = Array.from({ length: 200 }, (_, index) => {
    const truth = task.generate({ kind: "sudoku", size: 9, blanks: 40 }, Random.of("bench", index));
    return { ground_truth: task.groundTruth(truth), response: respond(task, truth) };
  });
  const lines = Array.from({ length: count }, (_, index) => {
    const { ground_truth, response } = distinct[index % distinct.length];
    const spoilt = index % 4 === 0 ? response.slice(0, -40) : response;
    return JSON.stringify({ id: `t${index}`, task: "sudoku", ground_truth, response: spoilt });
  });
  return `${lines.join("\n")}\n`;
};
