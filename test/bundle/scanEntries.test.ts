/** The message of a bundle that the scan refuses. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { scanEntries } from "../../bundle/write/scanEntries.ts";
import { known, people } from "../scan/planting.ts";

const { text } = people["e-mail"]!;
const refusal = (content: string) =>
  scanEntries([{ path: "data/x", content: Buffer.from(content) }], {
    known,
    allowed: new Map(),
    progress: () => {},
  }).pipe(Effect.flip);

describe("a refusal", () => {
  it.effect("names the option that allows each finding", () =>
    Effect.gen(function* () {
      const { message } = yield* refusal(`contact: ${text}`);
      assert.match(message, /--allow '[0-9a-f]{12}=REASON'/);
    }),
  );

  it.effect("offers to leave the stage out where a file has too many findings", () =>
    Effect.gen(function* () {
      const { message } = yield* refusal(
        Array.from({ length: 300 }, (_, i) => `jo${i}${text}`).join("\n"),
      );
      const [, last = ""] = message.split("more than 200 findings");
      assert.include(last, "--without STAGE");
      assert.notInclude(last, "--allow");
    }),
  );
});
