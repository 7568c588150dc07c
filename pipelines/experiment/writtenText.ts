/** Numbers and booleans in places of text (`schemas/WrittenText.ts`), in the author's spelling. */
import type { Json } from "../../schemas/Digest.ts";
import { isObject } from "./jsonObject.ts";
import type { Located } from "./Located.ts";
import type { Place } from "./Source.ts";

/**
 * The params with every value as it is written, 1.0 as 1.0, where `encoded` has text; undefined where all such values are
 * text already.
 */
export const asWritten = (params: Located, encoded: Json): Json | undefined =>
  hasUnquoted(params, encoded) ? spelled(params, encoded) : undefined;

/** True where something within is no text and stands in a place of text. */
const hasUnquoted = (located: Located, text: Json | undefined): boolean => {
  switch (located.kind) {
    case "scalar":
      return typeof text === "string" && typeof located.value !== "string";
    case "list":
      return (
        Array.isArray(text) && located.items.some((item, index) => hasUnquoted(item, text[index]))
      );
    case "map":
      return (
        isObject(text) && located.entries.some(({ key, value }) => hasUnquoted(value, text[key]))
      );
  }
};

const spelled = (located: Located, text: Json | undefined): Json => {
  switch (located.kind) {
    case "scalar":
      if (typeof text !== "string" || typeof located.value === "string") return located.value;
      return spelling(located.at) ?? text;
    case "list": {
      const texts = Array.isArray(text) ? text : [];
      return located.items.map((item, index) => spelled(item, texts[index]));
    }
    case "map": {
      const texts = isObject(text) ? text : {};
      return Object.fromEntries(
        located.entries.map(({ key, value }) => [key, spelled(value, texts[key])]),
      );
    }
  }
};

/** Undefined where an alias or an override stands for the value. */
const spelling = ({ source, start, end }: Place): string | undefined => {
  const text = source.text.slice(start, end);
  return /^[-+.\w]+$/u.test(text) ? text : undefined;
};
