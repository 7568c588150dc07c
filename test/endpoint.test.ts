/** A surrogate's teacher behind an address: through the command line, with a key, and killed on the way. */
import { assert, describe, it } from "@effect/vitest";
import { createHash } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import zlib from "node:zlib";
import { inRig, jsonLines, type Rig } from "./rig/Rig.ts";

const minutes = 60_000;
const pictures = 6;
const key = "a-secret-that-nobody-may-see";

const study = (url: string, more = "") => `
name: taught
stages:
  data:
    use: render
    with:
      task: { kind: graph-coloring, vertices: 5 }
      image: { size: 64, color: false }
      splits: { train_sft: 20, validation: ${pictures} }
  cot:   { use: distill, from: { data: data } }
  start: { use: sft, from: { data: cot }, with: { steps: 2, batch: 4 } }
  said:
    use: rollout
    from: { model: start, data: data }
    with:
      group: 2
      surrogates: [teacher]
      max_tokens: 30
      captioner: { url: "${url}", model: big-eyes, key_env: TEACHER_KEY, concurrency: 2${more} }
`;

/** Answers so many requests, and lets the others wait. */
class Teacher {
  readonly asked: Array<string> = [];
  readonly keys = new Set<string | undefined>();
  private readonly server: http.Server;

  constructor(patience = Infinity) {
    this.server = http.createServer((request, response) => {
      const hash = createHash("sha256");
      request.on("data", (chunk: Buffer) => hash.update(chunk));
      request.on("end", () => {
        this.asked.push(hash.digest("hex"));
        this.keys.add(request.headers.authorization);
        if (this.asked.length > patience) return;
        const message = { role: "assistant", content: "<caption>[[0,1]]</caption>" };
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ choices: [{ message, finish_reason: "stop" }] }));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const files = (directory: string): ReadonlyArray<string> =>
  fs
    .readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));

const holding = (rig: Rig, text: string): ReadonlyArray<string> =>
  files(rig.path(".pipe")).filter((file) => fs.readFileSync(file).includes(text));

describe("a teacher at an endpoint", () => {
  it(
    "is asked once about each picture, though the run is killed, and keeps no secret of ours",
    inRig(async (rig) => {
      const [first, second] = [new Teacher(2), new Teacher()];
      try {
        rig.write("taught.yaml", study(await first.listen()));
        const unset = await rig.pipe("run", "taught.yaml");
        assert.strictEqual(unset.code, 1);
        assert.include(unset.stderr, "TEACHER_KEY");
        assert.include(unset.stderr, "is not set");
        assert.deepStrictEqual(first.asked, []);

        const { child, ended } = rig.start(["run", "taught.yaml"], { TEACHER_KEY: key });
        const kept = () => fs.globSync(rig.path(".pipe/work/**/captions.jsonl"))[0];
        await rig.until("two answers are kept", () => {
          const file = kept();
          return file !== undefined && fs.readFileSync(file, "utf8").split("\n").length > 2;
        });
        child.kill("SIGKILL");
        await ended;
        await rig.until("nothing is left of it", () => rig.survivors.length === 0);

        rig.write("taught.yaml", study(await second.listen()));
        const again = await rig.start(["run", "taught.yaml"], { TEACHER_KEY: key }).ended;
        assert.strictEqual(again.code, 0, again.stderr);
        assert.strictEqual(second.asked.length, pictures - 2);
        assert.deepStrictEqual([...first.keys, ...second.keys], [`Bearer ${key}`, `Bearer ${key}`]);
        const answered = first.asked.slice(0, 2);
        assert.strictEqual(new Set([...answered, ...second.asked]).size, pictures);

        const { stdout } = await rig.pipe("show", "--json", "said");
        const { directory } = JSON.parse(stdout) as { readonly directory: string };
        const packed = fs.readFileSync(path.join(directory, "captions.jsonl.gz"));
        const captions = jsonLines(zlib.gunzipSync(packed).toString());
        assert.deepStrictEqual(
          captions.map(({ caption }) => caption),
          Array(pictures).fill("[[0,1]]"),
        );
        assert.deepStrictEqual(holding(rig, key), []);
        assert.notInclude(unset.stdout + unset.stderr + again.stdout + again.stderr, key);
      } finally {
        first.close();
        second.close();
      }
    }),
    10 * minutes,
  );

  it(
    "has no address, no key and no haste in what names its work, but its name and how it is asked",
    inRig(async (rig) => {
      const keyOf = async (url: string, more = "") => {
        rig.write("taught.yaml", study(url, more));
        const { code, stdout, stderr } = await rig.pipe("plan", "--json", "taught.yaml");
        assert.strictEqual(code, 0, stderr);
        const line = jsonLines(stdout).find(({ node }) => node === "said");
        assert.isString(line?.["recipe"], stdout);
        return line?.["recipe"];
      };
      const here = await keyOf("http://here:8000/v1");
      assert.strictEqual(await keyOf("https://there.example/api/v1", ", timeout_seconds: 7"), here);
      assert.strictEqual(await keyOf("http://here:8000/v1", ", max_tokens: 1024"), here);
      assert.notStrictEqual(await keyOf("http://here:8000/v1", ", max_tokens: 99"), here);
    }),
  );
});
