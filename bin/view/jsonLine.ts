/** Every line of `--json` says which version of its shape it has. */
export const jsonLine = (value: object): string => `${JSON.stringify({ v: 1, ...value })}\n`;
