import { Schema } from "effect";
import { graphColoring } from "./graph-coloring/index.ts";
import { sudoku } from "./sudoku/index.ts";
import type { Task } from "./Task.ts";

/** The registry: a new task is a folder and its place in this list. */
const registered = [graphColoring, sudoku] as const;

/** A task with the types of its instances and answers left open. */
// oxlint-disable-next-line typescript/no-explicit-any -- an existential: callers only hand a task what it gave them
export type AnyTask = Task<any, any, any>;

export type TaskParams = (typeof registered)[number]["params"]["Type"];

/** The params of any task, distinguished by `kind`. */
export const TaskParams: Schema.Codec<TaskParams, unknown> = Schema.Union(
  registered.map(({ params }) => params),
);

export type TaskName = TaskParams["kind"];
export const taskNames: ReadonlyArray<TaskName> = registered.map(({ name }) => name);

/** Every task by its name, which the param `kind` and the column `task` carry. */
export const tasks = Object.fromEntries(registered.map((task) => [task.name, task])) as Readonly<
  Record<TaskName, AnyTask>
>;

/** The task of that name, if there is one. */
export const taskNamed = (name: string): AnyTask | undefined =>
  Object.hasOwn(tasks, name) ? tasks[name as TaskName] : undefined;
