/** The JSON that one of our Python programs printed; undefined where its interpreter is no Python or prints text of its own. */
export const printedJson = <Json>(stdout: string): Json | undefined => {
  try {
    return JSON.parse(stdout) as Json;
  } catch {
    return undefined;
  }
};
