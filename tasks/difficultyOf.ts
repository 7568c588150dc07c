import { Result } from "effect";
import { taskNamed } from "./tasks.ts";

/** The difficulty of an instance as a data set stores it. Throws where that is no instance of the task. */
export const difficultyOf = (name: string, groundTruth: string): number => {
  const task = taskNamed(name);
  if (task === undefined) throw new Error(`there is no task ${name}`);
  return task.difficulty(
    Result.getOrThrowWith(task.readTruth(JSON.parse(groundTruth)), (problem) => new Error(problem)),
  );
};
