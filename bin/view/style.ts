/** Colours where a person looks on, and none elsewhere: NO_COLOR (any value) and everything that is no terminal go without. */

export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

const paint = (on: boolean, open: number, close: number) => (text: string) =>
  on ? `\u001B[${open}m${text}\u001B[${close}m` : text;

export const styleFor = (stream: { readonly isTTY?: boolean }): Style => {
  const on = stream.isTTY === true && process.env["NO_COLOR"] === undefined;
  return {
    bold: paint(on, 1, 22),
    dim: paint(on, 2, 22),
    red: paint(on, 31, 39),
    green: paint(on, 32, 39),
    yellow: paint(on, 33, 39),
    cyan: paint(on, 36, 39),
  };
};
