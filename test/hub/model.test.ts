/** A model comes from the Hub at a commit: resumed, verified, pinned, read again offline. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import { inRig, type Rig } from "../rig/Rig.ts";
import { commit, HubServer, token } from "./HubServer.ts";

const repo = "tester/small-vlm";
const study = (origin: string) =>
  `name: study\nstages: { start: { use: pretrained, with: { ${origin} } } }\n`;
const pinned = `repo: ${repo}, revision: ${commit}`;

/** A safetensors file with one tensor. */
const weights = (): Buffer => {
  const header = Buffer.from(
    JSON.stringify({ weight: { dtype: "F32", shape: [1000], data_offsets: [0, 4000] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(4000, 7)]);
};

const kept = {
  "config.json": JSON.stringify({ model_type: "small" }),
  "model.safetensors": weights(),
  "tokenizer.json": "{}",
  LICENSE: "Apache-2.0",
};
const leftOut = {
  ".gitattributes": "",
  "pytorch_model.bin": "another format",
  "original/model.safetensors": "the same in another layout",
};

const withHub =
  (test: (rig: Rig, hub: HubServer, env: Readonly<Record<string, string>>) => Promise<void>) =>
  async (rig: Rig): Promise<void> => {
    for (const [name, content] of Object.entries({ ...kept, ...leftOut })) {
      const file = rig.path("theirs", name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, content);
    }
    const hub = new HubServer("model", repo, rig.path("theirs"));
    await hub.listen();
    try {
      await test(rig, hub, { HF_ENDPOINT: hub.url, HF_HOME: rig.path("hf") });
    } finally {
      hub.close();
    }
  };

const run = async (
  rig: Rig,
  environment: Readonly<Record<string, string>>,
  ...more: ReadonlyArray<string>
) => {
  const { code, stderr } = await rig.start(["run", "study.yaml", ...more], environment).ended;
  assert.strictEqual(code, 0, stderr);
  const { directory, key } = JSON.parse((await rig.pipe("show", "--json", "start")).stdout) as {
    readonly directory: string;
    readonly key: string;
  };
  return { directory, key };
};

describe("a model of the Hub", () => {
  it(
    "is downloaded with a token through a break, and read again without the Hub",
    inRig(
      withHub(async (rig, hub, environment) => {
        hub.cuts = { after: 1000, times: 2 };
        hub.needsToken = true;
        rig.write("study.yaml", study(pinned));
        const refused = await rig.start(["run", "study.yaml"], environment).ended;
        assert.strictEqual(refused.code, 1);
        assert.include(refused.stderr, "set HF_TOKEN");

        const { directory, key } = await run(rig, { ...environment, HF_TOKEN: token });
        assert.deepStrictEqual(
          fs.readdirSync(directory, { recursive: true }).toSorted(),
          Object.keys(kept).toSorted(),
        );
        for (const [name, content] of Object.entries(kept))
          assert.deepStrictEqual(
            fs.readFileSync(path.join(directory, name)),
            Buffer.from(content),
            name,
          );
        assert.isTrue(hub.requests.some((request) => request.endsWith("bytes=1000-")));
        assert.deepStrictEqual(hub.tokensElsewhere, []);

        const count = hub.requests.length;
        const offline = await run(rig, { ...environment, HF_HUB_OFFLINE: "1" }, "--force", "start");
        assert.deepStrictEqual(offline, { directory, key });
        assert.strictEqual(hub.requests.length, count);
      }),
    ),
  );

  it(
    "is the same artifact from a directory, as people have them",
    inRig(
      withHub(async (rig, _, environment) => {
        rig.write("study.yaml", study(pinned));
        const { directory } = await run(rig, environment);
        // The Hub's cache has links, a training leaves its states, and a download its own files.
        fs.mkdirSync(rig.path("blobs"));
        for (const name of Object.keys(kept)) {
          fs.renameSync(rig.path("theirs", name), rig.path("blobs", name));
          fs.symlinkSync(`../blobs/${name}`, rig.path("theirs", name));
        }
        for (const name of ["optimizer.pt", "checkpoint-5/model.safetensors", ".cache/lock"])
          rig.write(`theirs/${name}`, "not the model's");
        rig.write("study.yaml", study("path: theirs"));
        assert.strictEqual((await run(rig, environment)).directory, directory);
      }),
    ),
  );

  it(
    "needs a commit and one origin",
    inRig(async (rig) => {
      const says = async (origin: string, message: string) => {
        rig.write("study.yaml", study(origin));
        const { code, stderr } = await rig.pipe("plan", "study.yaml");
        assert.strictEqual(code, 2, stderr);
        assert.include(stderr, message);
      };
      await says(`repo: ${repo}`, "is not pinned");
      await says(`repo: ${repo}, revision: main`, "a whole commit, 40 hexadecimal digits");
      await says(`path: models, ${pinned}`, "the model has two origins");
      await says(`path: models, revision: ${commit}`, "a directory has no `revision`");
    }),
  );
});
