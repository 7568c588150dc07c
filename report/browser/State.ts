/** The state of the sample browser. It is the part of the address after `#`, so a link leads to it. */

export interface State {
  /** The id of the example; empty for the first that fits. */
  readonly sample: string;
  /** The arm, and the one beside it; empty for the first, and for none. */
  readonly arm: string;
  readonly beside: string;
  readonly caption: string;
  readonly answer: string;
  readonly reason: string;
  /** How the two arms' answers relate. */
  readonly pair: string;
  /** Text in the response or the id. */
  readonly text: string;
}

export const noState: State = {
  sample: "",
  arm: "",
  beside: "",
  caption: "",
  answer: "",
  reason: "",
  pair: "",
  text: "",
};

const names = Object.keys(noState) as ReadonlyArray<keyof State>;

/** Undefined where the address names a section of the page. */
export const stateIn = (hash: string): State | undefined => {
  if (!hash.includes("=")) return undefined;
  const values = new URLSearchParams(hash.replace(/^#/u, ""));
  return Object.fromEntries(
    names.map((name) => [name, values.get(name) ?? ""]),
  ) as unknown as State;
};

export const hashOf = (state: State): string => {
  const values = names.filter((name) => name === "sample" || state[name] !== "");
  return `#${new URLSearchParams(values.map((name) => [name, state[name]])).toString()}`;
};
