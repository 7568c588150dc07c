/** A Python environment in words: where it is, and how it differs from its lock. */
import type { EnvironmentSpec } from "../../executors/EnvironmentSpec.ts";
import type { EnvironmentState } from "../../executors/EnvironmentState.ts";

export const stateText = (
  name: string,
  { variable }: EnvironmentSpec,
  { packages, python, isGiven, missing = [], different = [] }: EnvironmentState,
): string => {
  if (python === undefined)
    return `not built yet: built on first use, or by \`npx pipe env build ${name}\` (${packages} packages)`;
  const origin = isGiven === true ? `${variable}: ${python}` : python;
  const lacks = missing.length === 0 ? [] : [`lacks ${listed(missing)}`];
  const differs = different.length === 0 ? [] : [`differs: ${listed(different)}`];
  return [
    origin,
    `${packages - missing.length} of ${packages} packages`,
    ...lacks,
    ...differs,
  ].join("; ");
};

const shown = 8;

const listed = (names: ReadonlyArray<string>): string =>
  names.length <= shown
    ? names.join(", ")
    : `${names.slice(0, shown).join(", ")} and ${names.length - shown} more`;
