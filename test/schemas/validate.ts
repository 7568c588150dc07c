/** Whether a JSON Schema (2020-12) accepts a value, by Ajv in strict mode, which also refuses a careless schema. */
import { Ajv2020 } from "ajv/dist/2020.js";

export const accepts = (schema: object, value: unknown): boolean =>
  new Ajv2020({ strict: true }).validate(schema, value) as boolean;
