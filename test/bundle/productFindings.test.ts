/** The scan's findings in pipe's own files are in `productFindings`, and nothing else is. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import fs from "node:fs";
import { licenseEntries, verifierLicense } from "../../bundle/write/licenses.ts";
import { productFindings } from "../../bundle/write/productFindings.ts";
import { scan } from "../../scan/scan.ts";
import { readProduct } from "../../bundle/write/product.ts";

describe("productFindings", () => {
  it.effect(
    "has the reason for each finding in what every bundle brings along, and no idle one",
    () =>
      Effect.gen(function* () {
        const verifier = {
          path: "data/verify.mjs",
          content: fs.readFileSync("dist/verify.mjs"),
          license: verifierLicense(),
        };
        const own = [...readProduct().entries, verifier];
        const entries = [...own, ...(yield* licenseEntries(own))];
        // A comment speaks of this user of this host.
        const known = { users: ["root"], hosts: ["vm"], homes: ["/root"] };
        const { refused, unused } = scan(entries, known, productFindings);
        assert.deepStrictEqual(
          refused.map(({ id, path, place, kind }) => ({ id, path, place, kind })),
          [],
        );
        assert.deepStrictEqual(unused, []);
      }),
  );
});
