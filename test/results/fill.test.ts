/** Text between markers is filled, hand-written text stays, and every marker has its block. */
import { assert, describe, it } from "@effect/vitest";
import { fill } from "../../report/results/fill.ts";

const page = `# Study

By hand, 5 % | of it.
<!-- table: losses -->
| old |
<!-- end -->
More by hand.
<!-- figure: lambda -->
<!-- end -->
`;

const blocks = new Map([
  ["table: losses", "| $& |"],
  ["figure: lambda", "![x](lambda.svg)"],
]);

describe("a page", () => {
  it("is filled between its markers, keeps the rest, and is filled again to the same", () => {
    const filled = fill(page, blocks);
    assert.strictEqual(
      filled,
      `# Study

By hand, 5 % | of it.
<!-- table: losses -->

| $& |

<!-- end -->
More by hand.
<!-- figure: lambda -->

![x](lambda.svg)

<!-- end -->
`,
    );
    assert.strictEqual(fill(filled, blocks), filled);
  });

  it("without a marker, with one too many, or with one that does not end, is refused with its name", () => {
    assert.throws(
      () => fill(page.replace("<!-- figure: lambda -->\n<!-- end -->\n", ""), blocks),
      "README.md has no `<!-- figure: lambda -->`",
    );
    assert.throws(
      () => fill(page, new Map([...blocks].slice(1))),
      "README.md has `<!-- table: losses -->`, and study.yaml no such table",
    );
    assert.throws(
      () => fill(page.replace("| old |\n<!-- end -->\n", ""), blocks),
      "no `<!-- end -->` between `table: losses` and <!-- figure: lambda -->",
    );
    assert.throws(
      () =>
        fill(
          page.replace("<!-- figure: lambda -->\n<!-- end -->\n", "<!-- figure: lambda -->\n"),
          blocks,
        ),
      "no `<!-- end -->` after <!-- figure: lambda -->",
    );
    assert.throws(
      () => fill(`${page}<!-- table: losses -->\n<!-- end -->\n`, blocks),
      "README.md has `<!-- table: losses -->` twice",
    );
  });
});
