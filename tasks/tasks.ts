import { Schema } from "effect";
import { graphColoring } from "./graph-coloring/index.ts";
import { GraphColoringParams } from "./graph-coloring/params.ts";
import { sudoku } from "./sudoku/index.ts";
import { SudokuParams } from "./sudoku/params.ts";
import type { Task } from "./Task.ts";

/** A task whose instance and answer types are its own business. */
// oxlint-disable-next-line typescript/no-explicit-any -- an existential: callers only hand a task what it gave them
export type AnyTask = Task<any, any, any>;

/** Every task, by the name that `kind` and the column `task` carry. A new task is a folder and a line here and below. */
export const tasks: Readonly<Record<TaskParams["kind"], AnyTask>> = {
  "graph-coloring": graphColoring,
  sudoku,
};

/** The params of any task, told apart by `kind`. */
export const TaskParams = Schema.Union([GraphColoringParams, SudokuParams]);
export type TaskParams = Schema.Schema.Type<typeof TaskParams>;

export type TaskName = TaskParams["kind"];
export const taskNames = Object.keys(tasks) as ReadonlyArray<TaskName>;

/** The task of that name, if there is one. */
export const taskNamed = (name: string): AnyTask | undefined =>
  Object.hasOwn(tasks, name) ? tasks[name as TaskName] : undefined;
