import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import zlib from "node:zlib";
import { scan } from "../../scan/scan.ts";
import { machineForms } from "../../scan/rules/machines.ts";
import { passwords } from "../../scan/rules/passwords.ts";
import { tokens } from "../../scan/rules/tokens.ts";
import {
  closedContainers,
  containers,
  exampleText,
  known,
  people,
  safetensors,
  secrets,
} from "./planting.ts";

const none = new Map<string, string>();
const refused = (content: Uint8Array | string, name = "data/x") =>
  scan(
    [{ path: name, content: typeof content === "string" ? Buffer.from(content) : content }],
    known,
    none,
  ).refused;

const randomBytes = (length: number): Buffer => {
  let state = 7;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
};

/** No four characters of it in a row, except of its words: `•••`, kinds and advice are words as well. */
const assertMasked = (findings: ReturnType<typeof refused>, secret: string) => {
  for (const finding of findings) {
    const shown = JSON.stringify(finding);
    for (let i = 0; i + 6 <= secret.length; i += 1) {
      assert.notInclude(shown, secret.slice(i, i + 6), `${finding.kind} shows some of the secret`);
    }
  }
};

describe("a planted secret or name", () => {
  for (const [container, hide] of Object.entries(containers)) {
    it(`in ${container} is found and masked`, () => {
      const missed: Array<string> = [];
      for (const [kind, { text, secret }] of Object.entries({ ...secrets, ...people })) {
        const findings = refused(hide(text));
        if (findings.length === 0) missed.push(kind);
        const open =
          /^(?:[a-z]{2,6}[_-](?:pat_|proj-|ant-(?:api03-)?)?|pypi-AgEIcHlwaS5vcmc)/i.exec(
            secret,
          )?.[0] ?? "";
        if (kind in secrets) assertMasked(findings, secret.slice(open.length));
      }
      assert.deepEqual(missed, []);
    });
  }

  it("in the name of a file is found and masked", () => {
    for (const [kind, { text, secret }] of Object.entries({ ...secrets, ...people })) {
      if (text.includes("\n")) continue;
      const findings = refused("nothing", `data/note ${text}.json`);
      assert.isNotEmpty(findings, kind);
      assert.strictEqual(findings[0]!.place, "name");
      for (const finding of findings) assert.notInclude(finding.path, secret, kind);
    }
  });

  it("across the border of two windows is found once, whole, at its line and column", () => {
    const { text } = secrets["GitHub classic"]!;
    const line = `${"x ".repeat(99)}\n`;
    const lines = Math.ceil((4 << 20) / line.length) - 1;
    for (let shift = 0; shift < 45; shift += 1) {
      const before = line.repeat(lines) + " ".repeat((4 << 20) - lines * line.length - shift);
      const findings = refused(`${before}${text}\n${line.repeat(100)}`);
      assert.strictEqual(findings.length, 1, `${shift}`);
      assert.include(findings[0], {
        times: 1,
        place: `${lines + 1}:${(4 << 20) - lines * line.length - shift + 1}`,
      });
      assert.include(findings[0]!.shown, `${text.length} characters`);
    }
  });
});

describe("a form in the tables", () => {
  for (const { kind, example } of [...tokens, ...passwords, ...machineForms]) {
    it(`matches its example: ${kind}, ${example.slice(0, 40)}`, () => {
      const findings = refused(`note ${exampleText(example)} end`);
      const kinds = findings.map((finding) => finding.kind);
      assert.include(kinds, kind);
    });
  }
});

describe("a format that the scan does not read", () => {
  const closed = {
    ...Object.fromEntries(
      Object.entries(closedContainers).map(([name, hide]) => [name, hide("nothing at all")]),
    ),
    "a gzip that is cut off": zlib.gzipSync("x".repeat(1000)).subarray(0, 20),
    xz: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2, 3]),
    bzip2: Buffer.from("BZh91AY&SY..."),
    "a Parquet file that is cut off": Buffer.from("PAR1....PAR1"),
    "a gzip too deep inside others": Array.from({ length: 12 }).reduce<Buffer>(
      (inner) => zlib.gzipSync(inner),
      Buffer.from("x"),
    ),
    "random bytes": randomBytes(2_000_000),
  };
  for (const [name, content] of Object.entries(closed)) {
    it(`is refused as a whole: ${name}`, () => {
      const findings = refused(content);
      assert.strictEqual(findings.length, 1, JSON.stringify(findings));
      assert.strictEqual(findings[0]!.shown, "");
      assert.include(findings[0]!.advice, "allow it");
    });
  }

  it("is allowed by the id of its bytes, and of no others", () => {
    const [finding] = refused(closedContainers["zip, stored"]!("one"));
    const allowed = (text: string) =>
      scan(
        [{ path: "data/x", content: closedContainers["zip, stored"]!(text) }],
        known,
        new Map([[finding!.id, "pictures"]]),
      ).refused;
    assert.isEmpty(allowed("one"));
    assert.isNotEmpty(allowed("two"));
  });

  it("is searched for text as it is, also where it is allowed", () => {
    const findings = refused(closedContainers["tar"]!(secrets["npm"]!.text));
    assert.deepEqual(findings.map(({ kind }) => kind).toSorted(), ["a tar archive", "npm token"]);
  });
});

describe("weights", () => {
  it("are read up to the end of their header", () => {
    const tensor = Buffer.from(secrets["npm"]!.text);
    assert.isEmpty(refused(safetensors("{}", tensor)));
  });
});

describe("a finding that is allowed", () => {
  const { text } = people["e-mail"]!;
  const entries = [{ path: "data/CITATION.cff", content: Buffer.from(`contact: ${text}\n`) }];
  const [finding] = scan(entries, known, none).refused;

  it("is recorded with the reason", () => {
    const { refused, allowed, unused } = scan(
      entries,
      known,
      new Map([[finding!.id, "our public contact"]]),
    );
    assert.isEmpty(refused);
    assert.isEmpty(unused);
    assert.deepEqual(allowed, [{ finding: finding!, reason: "our public contact" }]);
  });

  it("has the same id when the file grows, and another in another file", () => {
    const moved = [
      { path: "data/CITATION.cff", content: Buffer.from(`# new\n\ncontact: ${text}\n`) },
    ];
    assert.strictEqual(scan(moved, known, none).refused[0]!.id, finding!.id);
    assert.notStrictEqual(refused(`contact: ${text}`, "data/other")[0]!.id, finding!.id);
  });

  it("is reported where no finding has that id", () => {
    assert.deepEqual(scan(entries, known, new Map([["0123456789ab", "no idea"]])).unused, [
      "0123456789ab",
    ]);
  });

  it("is refused where its reason holds a secret", () => {
    const { refused } = scan(entries, known, new Map([[finding!.id, `ask ${text}`]]));
    assert.strictEqual(refused.length, 1);
    assert.notInclude(JSON.stringify(refused), text);
  });

  it("is never a finding beyond the first 200", () => {
    const many = Array.from({ length: 1000 }, (_, i) => `jo${i}${text}`).join("\n");
    const all = refused(many);
    const again = scan(
      [{ path: "data/x", content: Buffer.from(many) }],
      known,
      new Map(all.map(({ id }) => [id, "fine"])),
    );
    assert.strictEqual(again.refused.length, 1);
  });
});

describe("harmless text", () => {
  const root = path.join(import.meta.dirname, "../..");
  const filesIn = (directory: string): ReadonlyArray<string> =>
    fs
      .readdirSync(path.join(root, directory), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      // An archive is refused, and the one here holds the copyright lines of packages.
      .filter((file) => !/__pycache__|\.pyc$|\.tar\.gz$/u.test(file));
  const folders = [
    "bin",
    "cache",
    "executors",
    "experiments",
    "pipelines",
    "report",
    "scan",
    "schemas",
    "stages",
    "stats",
    "tasks",
    "trainers",
    "bundle",
    "docs",
    "test/stats",
    "test/bundle",
  ];
  for (const folder of folders) {
    it(`of ours has no findings: ${folder}`, () => {
      const entries = filesIn(folder).map((file) => ({
        path: path.relative(root, file),
        content: fs.readFileSync(file),
      }));
      assert.isNotEmpty(entries);
      assert.deepEqual(scan(entries, known, none).refused, []);
    });
  }
  it("of lock files and pages has no findings", () => {
    const entries = [
      "package-lock.json",
      "package.json",
      "LICENSE",
      "README.md",
      "ARCHITECTURE.md",
    ].map((name) => ({
      path: name,
      content: fs.readFileSync(path.join(root, name)),
    }));
    assert.deepEqual(scan(entries, known, none).refused, []);
  });

  const lines = [
    "nvidia-cublas-cu12==12.4.5.8 ; torch 2.8.0+cu126 v1.2.3.4",
    '"version": "1.2.3.4", "node_modules/x": "https://registry.invalid/@scope/x/-/x-1.2.3.tgz"',
    `"integrity": "sha512-${Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 89 + 5) % 256)).toString("base64")}"`,
    `"key": "${"0123456789abcdef".repeat(4)}", "commit": "${"0123456789abcdef0123".repeat(2)}"`,
    "listen on 127.0.0.1:8080, [::1]:80 and 0.0.0.0 at 12:34:56 on 2024-11-22",
    "a[1::2] and std::vector and Foo::bar; x@y.sum() and q @ k.T; @decorator and effect@4.1.0; icon@2x.png",
    "the loss of a token: lambda; eos_token: <|im_end|>; max_tokens: 1024; pad_token_id = 0",
    "password: string, secret = process.env.SECRET, token = getToken(), key: options.apiKey",
    'pass@1: 0.53, "pass@8": 0.9, a pass over the data; first_pass = "train"; pass: phase12, BACKWARD_PASS=2',
    'vocabulary: {"token": "internationalization", "Ġinternational": 12, "pass": "1e-3x", "pw": 0.5}',
    "the --password argument is required, and --token instead of it; a machine without password protection",
    "linted src/x.ts:10:5:error:unused and y.py:5432: done; password: string, passwd=getpass, -p 8080 -path",
    "costs $1 and $2b and $6 each, $5$ a day; {sha} of it",
    `cache-key-${"0123456789abcdef".repeat(2)} monkey-${"0123456789abcdef".repeat(2)} as-is ak-47 sk_learn rnd_seed fw_version`,
    `{"kty": "EC", "x": "${"public".repeat(8)}"}, {"d": "${"distance".repeat(4)}"}; sig=12, sl.append, v1.0-beta, dp.pt.x`,
    `"tiny[i=10]","tiny[i=11]","tiny[i=12]" and x=10 y=20, grids 12 34 56 78 90 12 34 56 78 90 12 34 56 78`,
    `digest ${"0123acca"}${"96416c25b19a5678".repeat(3)}97123456`,
    "$\\\\alpha\\\\beta$ and \\\\theta_1\\\\nabla$, \\\\d\\\\w+, C:\\\\x\\\\home\\\\index, pages\\\\home\\\\index",
    "uid=0(root) gid=0(root), {user}@{host}, ${name}@lab.invalid, -rw-r--r-- 1 root root 12, logged in as: root",
    "cuda-10.1.2.3.tar.gz and libx-10.2.3.4.whl, data/train and /scratch/x, /volumes/x, homepage2/x",
    "grooting around, uprooted, vms and avm; /rooted and src/home/index.ts; https://site.invalid/home/page",
    "git@github.com:org/repo.git and noreply@github.com",
    "$HOME/.cache, ~/x, /home/$USER/x, /home/<you>/x, %USERPROFILE%",
    "task-sk-model-of-the-world disk-based mask-and-so-on risk-averse-agents-everywhere",
  ];
  for (const line of lines) {
    it(`has no findings: ${line.slice(0, 60)}`, () => assert.deepEqual(refused(line), []));
  }
});

describe("bytes of any kind", () => {
  it("break nothing, also where they begin as containers do", () => {
    let state = 99;
    const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 16;
    const seeds = Object.values({ ...containers, ...closedContainers }).map((hide) =>
      hide(secrets["Hugging Face"]!.text),
    );
    for (let round = 0; round < 600; round += 1) {
      const bytes = Buffer.from(seeds[next() % seeds.length]!);
      for (let edit = 0; edit <= next() % 8; edit += 1) bytes[next() % bytes.length] = next() & 255;
      for (const finding of refused(bytes.subarray(0, 1 + (next() % bytes.length))))
        assert.isString(finding.id);
    }
  });
});

describe("hostile text", () => {
  // A rule that scanned a long stretch from each of its characters would take hours.
  const size = 1_000_000;
  const patterns = [
    "a",
    "@",
    "a@",
    "a@b.",
    "eyJ",
    "eyJa.",
    "-",
    "-----BEGIN ",
    "://",
    "a://b:c",
    "password=",
    "token",
    "token=",
    'key: "',
    "1.",
    "a:",
    "ab-",
    "%41",
    "\\",
    "\\u0041",
    "&#",
    "\u001b[",
    "/home/",
    "C:\\Users\\",
    "hf_",
    "0,",
    "12, ",
    "wandb ",
    "ip-1-1-",
    " at ",
    "AAAA\n",
    "\u200b",
    "PK\u0003\u0004",
    "\u001f\u008b\u0008\0",
    "abcdefghijkl\n",
    '"kty"',
    "pass=",
    "-p",
    ".Gaaaaaa.",
    ":5432:a:b:",
    "\\\\a1\\",
    "/afs/a/",
    "ssh -i a ",
    "tfevents.1700000000.a",
    "basic aaaa ",
    ".lan",
    "A1",
  ];
  it("of a million characters is scanned in linear time", () => {
    for (const pattern of patterns) {
      refused(pattern.repeat(size / pattern.length));
    }
  });
});

describe("a file on the disk", () => {
  it("is scanned like bytes", () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "scan-"));
    const file = path.join(directory, "x");
    fs.writeFileSync(file, secrets["npm"]!.text);
    const { refused } = scan([{ path: "data/x", content: { file, size: 40 } }], known, none);
    assert.strictEqual(refused.length, 1);
    fs.rmSync(directory, { recursive: true });
  });
});
