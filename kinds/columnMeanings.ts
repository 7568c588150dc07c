/** The content of each column of a data set, for cards. */
import type { DatasetRow } from "./Dataset.ts";

export const columnMeanings: { readonly [column in keyof DatasetRow]: string } = {
  id: "split and number",
  task: "the task, such as `sudoku`",
  query: "the question",
  image: "the picture, a PNG",
  ground_truth: "the instance as JSON, by which an answer is judged",
  perception: "the true caption of the picture (p\\*) as JSON",
  response: "a transcript that answers the question; empty where there is none",
};
