/** Colours in a terminal; none in a file, with NO_COLOR (any value) or with TERM=dumb. */
import type { Style } from "../../kinds/terminal.ts";

const paint = (on: boolean, open: number, close: number) => (text: string) =>
  on ? `\u001B[${open}m${text}\u001B[${close}m` : text;

export const styleFor = (stream: { readonly isTTY?: boolean }): Style => {
  const { NO_COLOR, TERM } = process.env;
  const on = stream.isTTY === true && NO_COLOR === undefined && TERM !== "dumb";
  return {
    bold: paint(on, 1, 22),
    dim: paint(on, 2, 22),
    red: paint(on, 31, 39),
    green: paint(on, 32, 39),
    yellow: paint(on, 33, 39),
    cyan: paint(on, 36, 39),
  };
};
