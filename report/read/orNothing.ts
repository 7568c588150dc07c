/** The result, or undefined where a file is missing or damaged: a report shows the rest. */
export const orNothing = <A>(read: () => A): A | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};
