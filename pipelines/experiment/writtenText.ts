/** Numbers and booleans in places of text (`schemas/WrittenText.ts`), in the author's spelling. */
import type { Json } from "../../schemas/Digest.ts";
import { isObject } from "./jsonObject.ts";
import type { Located } from "./Located.ts";
import type { Place } from "./Source.ts";

/**
 * The params with every value as it is written, 1.0 as 1.0, where `encoded` has text; undefined where all such values are
 * text already.
 */
export const asWritten = (params: Located, encoded: Json): Json | undefined => {
  let unquoted = 0;
  const visit = (located: Located, text: Json | undefined): Json => {
    switch (located.kind) {
      case "scalar": {
        if (typeof text !== "string" || typeof located.value === "string") return located.value;
        unquoted += 1;
        return spelling(located.at) ?? text;
      }
      case "list": {
        const texts = Array.isArray(text) ? text : [];
        return located.items.map((item, index) => visit(item, texts[index]));
      }
      case "map": {
        const texts = isObject(text) ? text : {};
        return Object.fromEntries(
          located.entries.map(({ key, value }) => [key, visit(value, texts[key])]),
        );
      }
    }
  };
  const written = visit(params, encoded);
  return unquoted === 0 ? undefined : written;
};

/** Undefined where an alias or an override stands for the value. */
const spelling = ({ source, start, end }: Place): string | undefined => {
  const text = source.text.slice(start, end);
  return /^[-+.\w]+$/u.test(text) ? text : undefined;
};
