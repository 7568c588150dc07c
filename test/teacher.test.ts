/** A language model as the teacher of `distill`: a scripted endpoint that fails in every known way, and a run that is killed. */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Result } from "effect";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { type DatasetRow, eachRow } from "../kinds/Dataset.ts";
import { retryAfterSeconds } from "../remote/retryAfter.ts";
import { tasks } from "../tasks/tasks.ts";
import { splitThinking, taughtTranscript } from "../tasks/teaching.ts";
import { inRig, jsonLines, type Rig } from "./rig/Rig.ts";

const key = "sk-a-key-that-stays-secret";
const vertices = 5;

interface Asked {
  readonly seed: number;
  readonly prompt: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly authorization: string | undefined;
}

interface Answer {
  readonly content?: string | null;
  readonly reasoning_content?: string;
  readonly finish?: string;
  readonly usage?: null;
}

/** Answers a request, or does something else with its response. `right` is a right answer with its reasoning. */
type Script = (
  asked: Asked,
  number: number,
  right: string,
  response: http.ServerResponse,
) => Answer | undefined;

class ScriptedTeacher {
  readonly asked: Array<Asked> = [];
  /** Milliseconds on the monotonic clock, one a request. */
  readonly times: Array<number> = [];
  private readonly server: http.Server;

  constructor(script: Script) {
    this.server = http.createServer((request, response) => {
      const chunks: Array<Buffer> = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Asked["body"];
        const [message] = body["messages"] as ReadonlyArray<{ readonly content: string }>;
        const { authorization } = request.headers;
        const asked = {
          seed: body["seed"] as number,
          prompt: message!.content,
          body,
          authorization,
        };
        this.asked.push(asked);
        this.times.push(performance.now());
        const answer = script(asked, this.asked.length, rightAnswer(asked.prompt), response);
        if (answer !== undefined) response.end(completion(answer));
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

const completion = ({ content = "", reasoning_content, finish = "stop", usage }: Answer): string =>
  JSON.stringify({
    model: "scripted-1",
    choices: [{ message: { content, reasoning_content }, finish_reason: finish }],
    ...(usage === null ? {} : { usage: { prompt_tokens: 100, completion_tokens: 10 } }),
  });

/** Solves the instance that the prompt describes in words. */
const rightAnswer = (prompt: string): string => {
  const written = /given what it shows: <caption>(.*?)<\/caption>/u.exec(prompt)?.[1] ?? "";
  const task = tasks["graph-coloring"];
  const truth = task.readTruth({ v: vertices, edges: JSON.parse(written) as unknown });
  const { reasoning, answer } = task.solve(Result.getOrThrow(truth));
  return `${reasoning}\n<answer>${answer}</answer>`;
};

const study = (teacher: string, rows = 6) => `
name: taught
stages:
  data:
    use: render
    with:
      task: { kind: graph-coloring, vertices: ${vertices} }
      image: { size: 32, color: false }
      splits: { train_sft: ${rows} }
  cot: { use: distill, from: { data: data }, with: { teacher: { kind: endpoint, model: wise, ${teacher} } } }
`;

interface Shown {
  readonly directory: string;
  readonly actions: ReadonlyArray<{ readonly summary: Readonly<Record<string, unknown>> }>;
}

const shown = async (rig: Rig): Promise<Shown> => {
  const { stdout, stderr } = await rig.pipe("show", "--json", "cot");
  assert.notStrictEqual(stdout, "", stderr);
  return JSON.parse(stdout) as Shown;
};

const transcripts = async (directory: string): Promise<ReadonlyArray<DatasetRow>> => {
  const rows: Array<DatasetRow> = [];
  await Effect.runPromise(
    eachRow(directory, "train_sft", { images: true }, (row) => void rows.push(row)),
  );
  return rows;
};

const withTeacher = async (
  script: Script,
  use: (teacher: ScriptedTeacher, url: string) => Promise<void>,
): Promise<void> => {
  const teacher = new ScriptedTeacher(script);
  try {
    await use(teacher, await teacher.listen());
  } finally {
    teacher.close();
  }
};

const holding = (rig: Rig, text: string): ReadonlyArray<string> =>
  fs
    .readdirSync(rig.path(".pipe"), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => fs.readFileSync(file).includes(text));

describe("a language model as the teacher", () => {
  it(
    "is asked until a reply is right, and every failure of its server is retried and counted",
    inRig(async (rig) => {
      const json = { "content-type": "application/json" };
      // In this order, as there is one request at a time.
      const scripts: ReadonlyArray<Script> = [
        (_, __, ___, response) =>
          void response.writeHead(429, { "retry-after": "2" }).end(`{"error":"slow down, ${key}"}`),
        (_, __, right) => ({ content: right }),
        (_, __, ___, response) => void response.writeHead(503).end("overloaded"),
        (_, __, ___, response) =>
          void response.writeHead(200, { ...json, "content-length": "999" }).write('{"choices": ['),
        (_, __, right) => ({ content: `<think>Let me see. <answer>{}</answer></think>\n${right}` }),
        (_, __, ___, response) => void response.end("<html>not a completion</html>"),
        (_, __, ___, response) => void response.end('{"choices": []}'),
        () => ({ content: null }),
        (_, __, right) => ({ content: right, finish: "length" }),
        () => ({ content: "<think>I go on and on" }),
        (_, __, right) => ({ content: `<caption>[[0,1]]</caption>\n${right}`, usage: null }),
        () => ({ content: '<answer>["a","a","a","a","a"]</answer>' }),
        () => ({ content: "I do not know." }),
        (_, __, right) => ({ content: right, reasoning_content: "thought apart" }),
      ];
      const script: Script = (asked, number, right, response) => {
        const answer = scripts[number - 1]?.(asked, number, right, response);
        if (number === 4) setTimeout(() => response.destroy(), 50);
        return number > scripts.length ? { content: "no" } : answer;
      };
      await withTeacher(script, async (teacher, url) => {
        const params = `url: "${url}", key_env: TEACHER_KEY, concurrency: 1, samples: 4, price_per_million: { prompt: 1, completion: 10 }`;
        rig.write("taught.yaml", study(params, 5));
        const environment = { TEACHER_KEY: key };
        const { code, stdout, stderr } = await rig.start(["run", "taught.yaml"], environment).ended;
        assert.strictEqual(code, 0, stderr);
        const { directory, actions } = await shown(rig);
        const rows = await transcripts(directory);
        assert.strictEqual(rows.length, 4);
        for (const { perception, response } of rows)
          assert.isTrue(response.startsWith(`<caption>${perception}</caption>\n`), response);
        assert.notInclude(rows.map(({ response }) => response).join(), "think");
        assert.isAbove(rows[0]!.image.bytes.length, 0);
        assert.deepInclude(actions[0]!.summary, {
          rows: 4,
          rejected: 1,
          replies: 13,
          outcomes: { conflict: 1, empty: 1, "no-answer": 5, right: 4, truncated: 2 },
          replies_with_thinking: 3,
          failed_requests: { "429": 1, "503": 1, connection: 1, malformed: 2 },
          served_models: ["scripted-1"],
          prompt_tokens: 1200,
          completion_tokens: 120,
          replies_without_token_count: 1,
          cost: (1200 + 10 * 120) / 1e6,
        });
        assert.isAtLeast(teacher.times[1]! - teacher.times[0]!, 2000, "Retry-After");
        const seeds = new Set(teacher.asked.map(({ seed }) => seed));
        assert.strictEqual(seeds.size, 13, "each reply has its own seed, a retry has the same");
        for (const { body, authorization } of teacher.asked) {
          assert.strictEqual(authorization, `Bearer ${key}`);
          assert.notInclude(JSON.stringify(body), "image");
        }
        assert.include(stderr + stdout, "429 (Too Many Requests)");
        assert.notInclude(stderr + stdout, key);
        assert.deepStrictEqual(holding(rig, key), []);
        assert.deepStrictEqual(holding(rig, url), [
          rig.path(".pipe/runs/taught-1/experiment.yaml"),
        ]);
      });
    }),
  );

  for (const signal of ["SIGKILL", "SIGINT"] as const)
    it(
      `is asked nothing twice after ${signal} at any request`,
      inRig(async (rig) => {
        const kept = "interrupted; its answers so far are kept";
        const patience = 5;
        const right: Script = (_, __, content) => ({ content });
        const first: Script = (asked, number, ...rest) =>
          number > patience ? undefined : right(asked, number, ...rest);
        await withTeacher(first, async (dying, url) => {
          rig.write("taught.yaml", study(`url: "${url}", concurrency: 2`, 12));
          const { child, ended } = rig.start(["run", "taught.yaml"]);
          await rig.until("the teacher falls silent", () => dying.asked.length === patience + 2);
          child.kill(signal);
          assert.strictEqual((await ended).stderr.includes(kept), signal === "SIGINT");
          // A line that a crash cut off.
          const [file] = fs
            .readdirSync(rig.path(".pipe"), { recursive: true, encoding: "utf8" })
            .filter((name) => name.endsWith("replies.jsonl"));
          fs.appendFileSync(rig.path(".pipe", file!), '{"request":"abc","rep');
          await withTeacher(right, async (living, other) => {
            rig.write("taught.yaml", study(`url: "${other}", concurrency: 3`, 12));
            const again = await rig.pipe("run", "taught.yaml");
            assert.strictEqual(again.code, 0, again.stderr);
            assert.strictEqual(living.asked.length, 12 - patience);
            const answered = dying.asked.slice(0, patience).map(({ prompt }) => prompt);
            const prompts = [...answered, ...living.asked.map(({ prompt }) => prompt)];
            const { directory, actions } = await shown(rig);
            const rows = await transcripts(directory);
            assert.strictEqual(rows.length, 12);
            assert.strictEqual(prompts.length, 12);
            assert.deepInclude(actions[0]!.summary, { replies: 12, prompt_tokens: 1200 });
          });
        });
      }),
    );

  it(
    "keeps thinking if asked to, and takes address and key from the environment",
    inRig(async (rig) => {
      const script: Script = (_, __, right) => ({ content: `Hm.</think>${right}` });
      await withTeacher(script, async (teacher, url) => {
        const extra = "extra: { top_p: 0.9, chat_template_kwargs: { enable_thinking: true } }";
        rig.write("taught.yaml", study(`url_env: TEACHER_URL, thinking: keep, ${extra}`, 2));
        const unset = await rig.pipe("run", "taught.yaml");
        assert.strictEqual(unset.code, 1);
        assert.include(unset.stderr, "TEACHER_URL");
        const wrong = await rig.start(["run", "taught.yaml"], { TEACHER_URL: "nowhere" }).ended;
        assert.strictEqual(wrong.code, 1);
        assert.include(wrong.stderr, "holds no address");
        const { code, stderr } = await rig.start(["run", "taught.yaml"], { TEACHER_URL: url })
          .ended;
        assert.strictEqual(code, 0, stderr);
        const rows = await transcripts((await shown(rig)).directory);
        for (const { response } of rows) assert.include(response, "</caption>\nHm.\n");
        assert.deepInclude(teacher.asked[0]!.body, { top_p: 0.9, temperature: 0.6 });
        assert.isUndefined(teacher.asked[0]!.authorization);
      });
    }),
  );

  it(
    "ends the run with a way on where asking again is no use, without its words about the key",
    inRig(async (rig) => {
      const script: Script = (_, __, ___, response) =>
        void response.writeHead(401).end(`wrong key ${key}`);
      await withTeacher(script, async (teacher, url) => {
        rig.write("taught.yaml", study(`url: "${url}", key_env: TEACHER_KEY`));
        const { code, stderr } = await rig.start(["run", "taught.yaml"], { TEACHER_KEY: key })
          .ended;
        assert.strictEqual(code, 1);
        assert.include(stderr, "401 (Unauthorized)");
        assert.include(stderr, "key_env");
        assert.notInclude(stderr, key);
        assert.isAtMost(teacher.asked.length, 8);
      });
    }),
  );

  it(
    "is refused before anything runs, with all problems at once",
    inRig(async (rig) => {
      rig.write("taught.yaml", study(`prompt: "solve {query}", extra: { seed: 1 }`));
      const { code, stderr } = await rig.pipe("run", "taught.yaml");
      assert.strictEqual(code, 2);
      assert.include(stderr, "the teacher has no address");
      assert.include(stderr, "does not tell the teacher what the picture shows");
      assert.include(stderr, "itself sets the field `seed`");
      assert.isFalse(rig.has(".pipe"));
    }),
  );

  it(
    "counts in the key by its model and its requests, not by address, key, pace or price",
    inRig(async (rig) => {
      const keyOf = async (teacher: string) => {
        rig.write("taught.yaml", study(teacher));
        const { stdout, stderr } = await rig.pipe("plan", "--json", "taught.yaml");
        const line = jsonLines(stdout).find(({ node }) => node === "cot");
        assert.isString(line?.["recipe"], stderr);
        return line?.["recipe"];
      };
      const here = await keyOf('url: "http://here/v1"');
      const elsewhere =
        "url_env: URL, key_env: KEY, concurrency: 1, timeout_seconds: 9, price_per_million: { prompt: 1, completion: 2 }";
      assert.strictEqual(await keyOf(elsewhere), here);
      assert.notStrictEqual(await keyOf('url: "http://here/v1", samples: 5'), here);
    }),
  );
});

describe("the parts of a teacher's reply", () => {
  it("are found however the thinking is marked", () => {
    const split = (text: string) => Object.values(splitThinking(text));
    assert.deepStrictEqual(split("reply"), ["", "reply", false]);
    assert.deepStrictEqual(split("<think>a</think> b"), ["a", "b", false]);
    assert.deepStrictEqual(split("a</think>b"), ["a", "b", false]);
    assert.deepStrictEqual(split("<think>a"), ["a", "", true]);
  });

  it("give way to p* where the reply has a caption of its own", () => {
    const text = taughtTranscript("[[0,1]]", "", "<caption>[[0,2]]</caption> So.");
    assert.strictEqual(text, "<caption>[[0,1]]</caption>\nSo.");
  });

  it("wait as long as Retry-After says, in seconds or until a date", () => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    assert.strictEqual(retryAfterSeconds("7", now), 7);
    assert.strictEqual(retryAfterSeconds("Thu, 01 Jan 2026 00:00:09 GMT", now), 9);
    assert.strictEqual(retryAfterSeconds("Wed, 31 Dec 2025 00:00:00 GMT", now), 0);
    assert.strictEqual(retryAfterSeconds("soon", now), 0);
    assert.strictEqual(retryAfterSeconds(undefined, now), 0);
  });
});
