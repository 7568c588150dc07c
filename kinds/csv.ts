/** Rows as CSV (RFC 4180). */
export const csv = (rows: ReadonlyArray<ReadonlyArray<string | number>>): string =>
  rows.map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");

const cell = (value: string | number): string => {
  const text = String(value);
  return /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
