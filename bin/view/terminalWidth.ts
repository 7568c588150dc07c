/** Cells of a line of stdout; 80 where it is no terminal and `COLUMNS` says nothing. */
export const terminalWidth = (): number =>
  process.stdout.columns ?? (Number(process.env["COLUMNS"]) || 80);
