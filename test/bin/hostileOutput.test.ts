/** What a stage may do to its output directory and to the store; none of it takes anything else along. */
import { assert, describe, it } from "@effect/vitest";
import { inRig, puppet } from "../rig/Rig.ts";

describe("a stage that removes a directory of the store", () => {
  it(
    "is stored all the same, also where the store has its bytes already",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e
stages:
  a: { use: command, with: { run: ${puppet("a", { does: "echo same > {out}/f" })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { does: "rm -rf .pipe/incoming; echo same > {out}/f; mkdir {out}/empty; ln -s f {out}/link" })} } }
`,
      );
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a", "b"]);
      assert.deepStrictEqual(await rig.filesOf("b"), {
        f: "same\n",
        link: "same\n",
        value: "b\n",
      });
    }),
  );
});
