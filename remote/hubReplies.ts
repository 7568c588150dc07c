/** JSON to the Hub, and its replies held against a schema. */
import { Effect, Schema } from "effect";
import { broken, type HubClient, HubRefused, type Refusal } from "./HubClient.ts";

export const sendJson = (
  client: HubClient,
  url: string,
  body: object,
  refused: (refusal: Refusal) => HubRefused,
  type = "application/json",
) => {
  const headers = { "content-type": type, accept: type };
  return client.send(url, { method: "POST", headers, body: JSON.stringify(body) }, refused);
};

export const replyOf = <A>(response: Response, schema: Schema.Codec<A, any>) =>
  Effect.tryPromise({
    try: () => response.text(),
    catch: (cause) => broken(response.url, cause),
  }).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Schema.fromJsonString(schema))),
    Effect.catchTag("SchemaError", (error) =>
      Effect.fail(
        new HubRefused({
          message: `${response.url} answered in another form than a Hub: ${error.message}`,
          fix: "check HF_ENDPOINT, the address of a Hub",
        }),
      ),
    ),
  );
