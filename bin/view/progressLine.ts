/** One line on a terminal that shows the current activity; nothing in files and CI. */
export interface ProgressLine {
  /** Called at most ten times a second. */
  readonly show: (activity: () => string) => void;
  readonly end: () => void;
}

const everyMillis = 100;

export const progressLine = (stream: NodeJS.WriteStream): ProgressLine => {
  if (stream.isTTY !== true || process.env["CI"] !== undefined)
    return { show: () => {}, end: () => {} };
  let shown = Number.NEGATIVE_INFINITY;
  return {
    show: (activity) => {
      const now = performance.now();
      if (now - shown < everyMillis) return;
      shown = now;
      stream.write(`\r\u001B[K${activity()}`);
    },
    end: () => void stream.write("\r\u001B[K"),
  };
};
