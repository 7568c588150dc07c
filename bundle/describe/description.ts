/** The `description` of an experiment, if it is a string. */
import { entryOf, type Located } from "../../pipelines/experiment/Located.ts";

export const descriptionIn = (spec: Located | undefined): string | undefined => {
  const value = spec?.kind === "map" ? entryOf(spec, "description")?.value : undefined;
  return value?.kind === "scalar" && typeof value.value === "string" ? value.value : undefined;
};
