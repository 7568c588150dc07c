/** The facts about a machine that a bundle may name: a fact that is not listed here is not written. */

/** For `record/machine.json`. */
export const machineFacts = (): Readonly<Record<string, string>> => ({});
