import { Console, type Effect } from "effect";
import { foldText } from "./foldText.ts";

/** Prints a text for people on stdout. In a terminal its lines are folded; files and programs get them whole. */
export const printText = (text: string): Effect.Effect<void> => {
  const { columns } = process.stdout;
  return Console.log(columns > 0 ? foldText(text, columns) : text);
};
