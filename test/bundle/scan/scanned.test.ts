/** What a person is told who wants to publish what the scan refuses. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { scanned } from "../../../bundle/scanned.ts";
import { known, people } from "./planting.ts";

const { text } = people["e-mail"]!;
const refusal = (content: string) =>
  scanned([{ path: "data/x", content: Buffer.from(content), license: "MIT" }], {
    known,
    allowed: new Map(),
    progress: () => {},
  }).pipe(Effect.flip);

describe("a refusal", () => {
  it.effect("tells how to allow each finding", () =>
    Effect.gen(function* () {
      const { message } = yield* refusal(`contact: ${text}`);
      assert.match(message, /--allow '[0-9a-f]{12}=REASON'/);
    }),
  );

  it.effect("tells what else to do where there are too many to look at", () =>
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
