/** What nodes take of the machine: reckoned with, refused where it is not there, and no part of any key. */
import { assert, describe, it } from "@effect/vitest";
import os from "node:os";
import { inRig, puppet, type Rig } from "../rig/Rig.ts";

const busy = `echo + >> busy; sleep 0.15; echo - >> busy`;

const sweep = (resources: string) => `name: e
axes: { x: [1, 2, 3, 4, 5, 6] }
stages:
  a: { use: command, resources: ${resources}, with: { run: ${puppet("a${x}", { does: busy })} } }
`;

/** How many puppets were at work at once, at most. */
const most = (rig: Rig): number => {
  let depth = 0;
  return Math.max(
    ...rig
      .read("busy")
      .trim()
      .split("\n")
      .map((sign) => (depth += sign === "+" ? 1 : -1)),
  );
};

const run = async (rig: Rig, ...flags: ReadonlyArray<string>) => {
  const { code, stderr } = await rig.pipe("run", "e.yaml", ...flags);
  assert.strictEqual(code, 0, stderr);
  return rig.newCalls();
};

describe("nodes run side by side", () => {
  it(
    "as far as processors go",
    inRig(async (rig) => {
      rig.write("e.yaml", sweep("{ cpus: 2 }"));
      await run(rig, "-j", "4");
      assert.strictEqual(most(rig), 2);
    }),
  );

  it(
    "as far as memory goes",
    inRig(async (rig) => {
      const share = Math.floor(os.totalmem() * 0.4);
      rig.write("e.yaml", sweep(`{ memory: ${Math.floor(share / 1e6)} MB }`));
      await run(rig, "-j", "6");
      assert.strictEqual(most(rig), 2);
    }),
  );

  it(
    "one at a time where each wants more processors than there are slots",
    inRig(async (rig) => {
      rig.write("e.yaml", sweep("{ cpus: 64 }"));
      await run(rig, "-j", "2");
      assert.strictEqual(most(rig), 1);
    }),
  );
});

it(
  "no key knows of resources and retries",
  inRig(async (rig) => {
    rig.write("e.yaml", sweep("{}"));
    assert.strictEqual((await run(rig)).length, 6);
    rig.write("e.yaml", sweep("{ cpus: 2, memory: 1 MB }, retry: { times: 5, exit_codes: [7] }"));
    assert.deepStrictEqual(await run(rig), []);
  }),
);

describe("refused before anything starts, with its place:", () => {
  const refusals = {
    "more memory than there is": ["{ memory: 900 TB }", /asks for 900000\.0 GB of memory/u],
    "GPUs that are not there": ["{ gpus: 2 }", /asks for 2 GPUs; this machine has 0/u],
    "an amount that is none": ["{ memory: 8 XB }", /an amount of memory such as/u],
    "a kind of resource that there is not": ["{ cpu: 2 }", /cpus/u],
  } as const;
  for (const [what, [resources, message]] of Object.entries(refusals)) {
    it(
      what,
      inRig(async (rig) => {
        rig.write("e.yaml", sweep(resources));
        const noGpus = { CUDA_VISIBLE_DEVICES: "" };
        const { code, stderr } = await rig.start(["run", "e.yaml"], noGpus).ended;
        assert.strictEqual(code, 2, stderr);
        assert.match(stderr, message);
        assert.match(stderr, /e\.yaml:4:\d+/u);
        assert.isFalse(rig.has(".pipe"));
      }),
    );
  }
});
