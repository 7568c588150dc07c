/** JSON objects. */
import type { Json } from "../../schemas/Digest.ts";

export type JsonObject = Readonly<Record<string, Json>>;

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
