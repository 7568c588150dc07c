/** The crate of a small run; oracles.test.ts asks other programs. */
import { assert, describe, it } from "@effect/vitest";
import { roCrate, type CrateContents } from "../../bundle/describe/crate.ts";
import { bundleFormat } from "../../bundle/format/format.ts";
import { jsonBytes, textBytes } from "../../bundle/format/content.ts";
import type { BundleNode } from "../../bundle/format/format.ts";

const digest = (digit: string): string => digit.repeat(64);

const node = (name: string, artifact: string, inputs: BundleNode["keyParts"]): BundleNode => ({
  node: name,
  stageName: name,
  stage: "command",
  labels: {},
  kind: "files",
  recipe: digest("8"),
  content: digest("9"),
  keyParts: { version: 1, params: { run: ["echo", "ä"], sources: [] }, inputs },
  artifact,
  files: [{ path: "out.txt", sha256: digest("7"), size: 3 }],
  summary: {},
  seconds: 1,
  gpu: false,
});

const crated: CrateContents = {
  run: {
    format: bundleFormat,
    experiment: "study",
    overrides: { set: ["a=1"], axis: [], only: [] },
    state: "done",
    pipe: { version: "0.1.0" },
    nodes: [
      node("one", digest("1"), {}),
      node("two", digest("2"), { data: digest("1") }),
      node("three", digest("1"), { all: [{ labels: {}, identity: digest("2") }] }),
    ],
    unmade: [],
  },
  entries: [
    { path: "data/experiment.yaml", content: textBytes("name: study"), license: "CC0-1.0" },
    { path: "data/run.json", content: jsonBytes({}), license: "CC0-1.0" },
    {
      path: `data/artifacts/${digest("1")}/out.txt`,
      content: textBytes("one"),
      license: "MIT AND ISC",
    },
    { path: "data/cards/a.md", content: textBytes("a"), license: "CC0-1.0" },
    { path: "data/cards/b.md", content: textBytes("b"), license: "CC0-1.0" },
  ],
  pointers: [
    {
      artifact: digest("2"),
      path: "out.txt",
      sha256: digest("7"),
      size: 3,
      why: "size",
      needed: false,
      rebuild: "npx pipe run experiment.yaml --only two",
    },
  ],
  license: "CC0-1.0",
  datePublished: "1970-01-01",
};

const graphOf = (told: CrateContents): ReadonlyArray<any> => roCrate(told)["@graph"];

const entityOf = (told: CrateContents, id: string): any => {
  const found = graphOf(told).filter((entity) => entity["@id"] === id);
  assert.strictEqual(found.length, 1, id);
  return found[0];
};

describe("a crate", () => {
  it("names the inputs and the result of each action, even if all files are left out", () => {
    const [one, two] = [`artifacts/${digest("1")}/`, `#artifact/${digest("2")}`];
    const action = entityOf(crated, "#action/two");
    assert.deepInclude(action.object, { "@id": one });
    assert.deepStrictEqual(action.result, { "@id": two });
    assert.deepInclude(entityOf(crated, "#action/three").object, { "@id": two });
    assert.deepStrictEqual(entityOf(crated, two).hasPart, [
      { "@id": `#left-out/${digest("2")}/out.txt` },
    ]);
    const left = entityOf(crated, `#left-out/${digest("2")}/out.txt`);
    assert.strictEqual(left.sha256, digest("7"));
    assert.match(left.description, /--only two$/u);
  });

  it("describes every id that it references, each once", () => {
    const ids = graphOf(crated).map((entity) => entity["@id"]);
    assert.strictEqual(new Set(ids).size, ids.length);
    const spoken = JSON.stringify(graphOf(crated)).matchAll(/\{"@id":"(?<id>[^"]*)"\}/gu);
    for (const { groups } of spoken)
      if (!/^https?:\/\/(?:schema\.org|w3id\.org\/ro\/crate)\//u.test(groups?.["id"] ?? ""))
        assert.include(ids, groups?.["id"]);
  });

  it("does not depend on the order of files", () => {
    const turned = { ...crated, entries: crated.entries.toReversed() };
    assert.deepStrictEqual(jsonBytes(roCrate(turned)), jsonBytes(roCrate(crated)));
  });

  it("marks an incomplete run as failed", () => {
    assert.strictEqual(
      entityOf(crated, "#run").actionStatus["@id"],
      "http://schema.org/CompletedActionStatus",
    );
    const unmade = ["four", "five"].map((node) => ({ node, state: "failed" }));
    const cut = entityOf({ ...crated, run: { ...crated.run, unmade } }, "#run");
    assert.strictEqual(cut.actionStatus["@id"], "http://schema.org/FailedActionStatus");
    assert.strictEqual(cut.error, "2 nodes of the plan have no result");
  });
});
