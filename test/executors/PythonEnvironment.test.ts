/** Environments are made with the real Python and pip where that is the point, and with a puppet elsewhere. */
import { afterEach, assert, describe, expect, it } from "@effect/vitest";
import { execa } from "execa";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { beforeEach, vi } from "vitest";
import { Effect } from "effect";
import { ensurePython, PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { PythonUnavailable } from "../../executors/PythonUnavailable.ts";
import { markedProcesses } from "../../executors/killMarked.ts";
import { eventually } from "./rig.ts";

const PROGRAMS = join(import.meta.dirname, "programs");

let home = "";
const cache = (): string => join(home, "cache/pipe/env");
const environments = (): ReadonlyArray<string> =>
  readdirSync(cache()).filter((name) => /^[0-9a-f]{12}$/u.test(name));
const building = (): ReadonlyArray<string> =>
  readdirSync(cache()).filter((name) => name.endsWith(".building"));

const lock = (name: string, ...lines: ReadonlyArray<string>): string => {
  const path = join(home, name);
  writeFileSync(path, lines.join("\n"));
  return path;
};

const silent = () => {};
const failure = async (locks: ReadonlyArray<string>): Promise<PythonUnavailable> => {
  const error: unknown = await ensurePython(locks, silent).catch((error: unknown) => error);
  assert.instanceOf(error, PythonUnavailable);
  return error;
};

const identity = (locks: ReadonlyArray<string>): Promise<string> =>
  Effect.runPromise(
    Effect.flatMap(PythonEnvironment, (environment) => environment.identity(locks)).pipe(
      Effect.provide(PythonEnvironment.layer),
    ),
  );

/** Puts the puppet in the place of every Python there is; `pip` is what its pip does. */
const withFakePython = (pip: string): void => {
  const bin = join(home, "bin");
  mkdirSync(bin, { recursive: true });
  cpSync(join(PROGRAMS, "fake-python.sh"), join(bin, "python3.11"));
  vi.stubEnv("PATH", [bin, process.env["PATH"]].join(delimiter));
  vi.stubEnv("FAKE_PIP", pip);
  vi.stubEnv("FAKE_MADE", join(home, "made"));
};

const prepare = (...locks: ReadonlyArray<string>) =>
  execa(process.execPath, [join(PROGRAMS, "prepare.ts"), ...locks], { reject: false });

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "pipe-test-"));
  vi.stubEnv("XDG_CACHE_HOME", join(home, "cache"));
  vi.stubEnv("PIPE_PYTHON", undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

describe("the environment of a lock", () => {
  it(
    "is made once, tells how it goes, and bears another on top",
    { timeout: 180_000 },
    async () => {
      const base = lock("base.lock", "six==1.16.0");
      const top = lock("top.lock", "packaging==24.1");
      const told: Array<string> = [];
      const made = await ensurePython([base, top], (message) => void told.push(message));
      assert.match(told[0] ?? "", /^making a Python 3\.\d+ environment$/u);
      expect(told).toEqual(
        expect.arrayContaining(["looking for six 1.16.0", "looking for packaging 24.1"]),
      );
      assert.strictEqual(told.at(-1), "Python is ready");
      assert.strictEqual(made.identity, await identity([base, top]));
      const script =
        "import packaging, six, sys; print(six.__version__, packaging.__version__, sys.prefix)";
      const { stdout } = await execa(made.python, ["-I", "-c", script]);
      assert.strictEqual(stdout, `1.16.0 24.1 ${join(made.python, "../..")}`);

      const again: Array<string> = [];
      assert.deepStrictEqual(
        await ensurePython([base, top], (message) => void again.push(message)),
        made,
      );
      assert.deepStrictEqual(again, []);
      const alone = await ensurePython([base], (message) => void again.push(message));
      assert.deepStrictEqual(again, [], "the base is an environment of its own");
      assert.strictEqual(
        (await execa(join(alone.python, "../pip"), ["--version"])).exitCode,
        0,
        "scripts know their place",
      );

      const impossible = await failure([base, lock("bad.lock", "six==0.0.1")]);
      assert.strictEqual(impossible.reason, "install-failed");
      assert.include(impossible.message, "No matching distribution found for six==0.0.1");
      assert.include(
        readFileSync(/read the end of (\S+);/u.exec(impossible.fix)?.[1] ?? "", "utf8"),
        "six==0.0.1",
      );
      assert.deepStrictEqual(building(), []);
    },
  );

  it("is made by one of several processes that want it", async () => {
    withFakePython("sleep 1");
    const wanted = lock("a.lock", "six==1.16.0");
    const [first, ...others] = await Promise.all([
      prepare(wanted),
      prepare(wanted),
      prepare(wanted),
    ]);
    assert.strictEqual(first.exitCode, 0, first.stderr);
    for (const other of others) assert.strictEqual(other.stdout, first.stdout);
    assert.strictEqual(readFileSync(join(home, "made"), "utf8"), "made\n");
    assert.strictEqual(environments().length, 1);
  });

  it("is made anew where its making was killed, which leaves no process and only garbage", async () => {
    withFakePython("sleep 100");
    vi.stubEnv("PIPE_TEST_HOME", home);
    const wanted = lock("a.lock", "six==1.16.0");
    const killed = prepare(wanted);
    await eventually("pip at work", () => readdirSync(home).includes("made"));
    killed.kill("SIGKILL");
    await killed;
    await eventually("no survivors", () => markedProcesses(`PIPE_TEST_HOME=${home}`).length === 0);
    assert.deepStrictEqual(environments(), []);
    assert.strictEqual(building().length, 1);
    const old = new Date(Date.now() - 25 * 60 * 60 * 1000);
    for (const name of building()) utimesSync(join(cache(), name), old, old);

    vi.stubEnv("FAKE_PIP", ":");
    await ensurePython([wanted], silent);
    assert.strictEqual(environments().length, 1);
    assert.deepStrictEqual(building(), []);
  });

  it("is made anew when the Python it stands on is gone", async () => {
    withFakePython(":");
    const wanted = lock("a.lock", "six==1.16.0");
    const { python } = await ensurePython([wanted], silent);
    rmSync(python);
    assert.strictEqual((await ensurePython([wanted], silent)).python, python);
  });
});

describe("without an environment, the reason is told:", () => {
  it("a lock that is none", async () => {
    const error = await failure([lock("loose.lock", "a==1", "six")]);
    assert.strictEqual(error.reason, "bad-lock");
    assert.include(error.message, "loose.lock");
    assert.include(error.message, "line 2");
    assert.strictEqual((await failure([join(home, "missing.lock")])).reason, "bad-lock");
  });

  it("no Python", async () => {
    const wanted = lock("a.lock", "six==1.16.0");
    vi.stubEnv("PATH", home);
    const error = await failure([wanted]);
    assert.strictEqual(error.reason, "no-python");
    assert.include(error.fix, "PIPE_PYTHON");
  });

  it("a full disk", async () => {
    withFakePython("echo 'ERROR: [Errno 28] No space left on device'; exit 1");
    const error = await failure([lock("a.lock", "six==1.16.0")]);
    assert.strictEqual(error.reason, "disk-full");
    assert.include(error.fix, "XDG_CACHE_HOME");
  });

  it("a cache that cannot be written", async () => {
    withFakePython(":");
    writeFileSync(join(home, "cache"), "a file");
    assert.strictEqual((await failure([lock("a.lock", "six==1.16.0")])).reason, "cache-unwritable");
  });
});

describe("where it is kept", () => {
  it("is the home of a user whose XDG_CACHE_HOME is no absolute path", async () => {
    withFakePython(":");
    vi.stubEnv("XDG_CACHE_HOME", "relative");
    vi.stubEnv("HOME", home);
    const { python } = await ensurePython([lock("a.lock", "six==1.16.0")], silent);
    assert.isTrue(python.startsWith(join(home, ".cache/pipe/env/")), python);
  });

  it("is among the temporary files of a user without a home", async () => {
    withFakePython(":");
    vi.stubEnv("XDG_CACHE_HOME", undefined);
    vi.stubEnv("HOME", "");
    vi.stubEnv("TMPDIR", home);
    const { python } = await ensurePython([lock("a.lock", "six==1.16.0")], silent);
    assert.isTrue(python.startsWith(join(home, "pipe-")), python);
  });
});

describe("the identity", () => {
  it("is what the lock says and the version of Python", async () => {
    withFakePython(":");
    const one = await identity([lock("a.lock", "six==1.16.0", "numpy==2.3.1")]);
    assert.strictEqual(one, GOLDEN);
    assert.strictEqual(
      await identity([lock("b.lock", "# same", "NumPy == 2.3.1", "six==1.16.0")]),
      one,
    );
    assert.notStrictEqual(await identity([lock("c.lock", "six==1.15.0", "numpy==2.3.1")]), one);
  });

  it("of a Python somebody gives us is what is installed there", async () => {
    const given = (await execa("python3", ["-c", "import sys; print(sys.executable)"])).stdout;
    vi.stubEnv("PIPE_PYTHON", given);
    const wanted = lock("a.lock", "pip==1.0", "no-such-package==1.0");
    const made = await ensurePython([wanted], silent);
    assert.strictEqual(made.python, given);
    assert.match(made.identity, /^installed:[0-9a-f]{64}$/u);
    assert.strictEqual(
      made.identity,
      await identity([lock("b.lock", "pip==2.0", "no-such-package==1.0")]),
    );
    vi.stubEnv("PIPE_PYTHON", join(home, "nothing"));
    assert.strictEqual((await failure([wanted])).reason, "no-python");
  });
});

/** Pinned: keys of finished work hang on it. */
const GOLDEN = "6cac0eb986f91ac2dc88641d9b5204859e92e6df5d74bbffc7fc18adf6dc3415";
