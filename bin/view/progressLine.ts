/** One line on a terminal that says what is being done; nothing where nobody looks. */
export interface ProgressLine {
  readonly tell: (doing: string) => void;
  readonly end: () => void;
}

const everyMillis = 100;

export const progressLine = (stream: NodeJS.WriteStream): ProgressLine => {
  if (stream.isTTY !== true || process.env["CI"] !== undefined)
    return { tell: () => {}, end: () => {} };
  let shown = Number.NEGATIVE_INFINITY;
  return {
    tell: (doing) => {
      const now = performance.now();
      if (now - shown < everyMillis) return;
      shown = now;
      stream.write(`\r\u001B[K${doing}`);
    },
    end: () => void stream.write("\r\u001B[K"),
  };
};
