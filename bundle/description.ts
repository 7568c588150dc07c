/** What an experiment says of itself; its author may have put anything there. */
import { entryOf, type Located } from "../pipelines/Source.ts";

export const descriptionIn = (spec: Located | undefined): string | undefined => {
  const value = spec?.kind === "map" ? entryOf(spec, "description")?.value : undefined;
  return value?.kind === "scalar" && typeof value.value === "string" ? value.value : undefined;
};
