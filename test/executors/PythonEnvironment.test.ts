/** Python environments, built by the real Python and pip in one test and by stubs in the others. */
import { afterEach, assert, describe, expect, it } from "@effect/vitest";
import { execa } from "execa";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { beforeEach, vi } from "vitest";
import { Effect } from "effect";
import type { EnvironmentSpec } from "../../executors/EnvironmentSpec.ts";
import { ensurePython, PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { PythonUnavailable } from "../../executors/PythonUnavailable.ts";
import { hasNvidiaDriver } from "../../schemas/hasNvidiaDriver.ts";
import { markedProcesses } from "../../executors/killMarked.ts";
import { until } from "../rig/until.ts";

const programs = path.join(import.meta.dirname, "programs");

let home = "";
const cache = (): string => path.join(home, "cache/pipe/env");
const environments = (): ReadonlyArray<string> =>
  fs.readdirSync(cache()).filter((name) => /^[0-9a-f]{12}$/u.test(name));
const building = (): ReadonlyArray<string> =>
  fs.readdirSync(cache()).filter((name) => name.endsWith(".building"));

const lock = (name: string, ...lines: ReadonlyArray<string>): string => {
  const file = path.join(home, name);
  fs.writeFileSync(file, lines.join("\n"));
  return file;
};

const silent = () => {};
const spec = (locks: ReadonlyArray<string>): EnvironmentSpec => ({
  locks,
  variable: "PIPE_PYTHON",
});
const ensure = (locks: ReadonlyArray<string>, onProgress: (message: string) => void) =>
  ensurePython(spec(locks), onProgress);
const failure = async (locks: ReadonlyArray<string>): Promise<PythonUnavailable> => {
  const error: unknown = await ensure(locks, silent).catch((error: unknown) => error);
  assert.instanceOf(error, PythonUnavailable);
  return error;
};

const askEnvironment = <A, E>(
  question: (environment: PythonEnvironment["Service"]) => Effect.Effect<A, E>,
): Promise<A> =>
  Effect.runPromise(
    Effect.flatMap(PythonEnvironment, question).pipe(Effect.provide(PythonEnvironment.layer)),
  );

const identity = (locks: ReadonlyArray<string>) =>
  askEnvironment((environment) => environment.identity(spec(locks)));

const existing = (...locks: ReadonlyArray<string>) =>
  askEnvironment((environment) => environment.existing(spec(locks)));

/** Puts a stub in place of every Python; `pip` is the shell command that its pip runs. */
const withFakePython = (pip: string): void => {
  const bin = path.join(home, "bin");
  fs.mkdirSync(bin, { recursive: true });
  fs.cpSync(path.join(programs, "fake-python.sh"), path.join(bin, "python3.11"));
  vi.stubEnv("PATH", [bin, process.env["PATH"]].join(path.delimiter));
  vi.stubEnv("FAKE_PIP", pip);
  vi.stubEnv("FAKE_MADE", path.join(home, "made"));
};

const prepare = (...locks: ReadonlyArray<string>) =>
  execa(process.execPath, [path.join(programs, "prepare.ts"), ...locks], { reject: false });

beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-test-"));
  vi.stubEnv("XDG_CACHE_HOME", path.join(home, "cache"));
  vi.stubEnv("PIPE_PYTHON", undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
  fs.rmSync(home, { recursive: true, force: true });
});

describe("the environment of a lock", () => {
  it("is built once, reports progress, and is the base of another", async () => {
    const base = lock("base.lock", "six==1.16.0");
    const top = lock("top.lock", "packaging==24.1");
    const bare = await identity([base, top]);
    fs.mkdirSync(path.join(home, "base.site-packages"));
    lock("base.site-packages/started.pth", "import started");
    lock("base.site-packages/started.py", "import sys; sys.started = 'started'");
    assert.notStrictEqual(await identity([base, top]), bare, "the added files count");
    const messages: Array<string> = [];
    const made = await ensure([base, top], (message) => void messages.push(message));
    assert.match(messages[0] ?? "", /^building a Python 3\.\d+ environment$/u);
    expect(messages).toEqual(
      expect.arrayContaining(["looking for six 1.16.0", "looking for packaging 24.1"]),
    );
    assert.strictEqual(messages.at(-1), "Python is ready");
    assert.strictEqual(made.identity, await identity([base, top]));
    const script =
      "import packaging, six, sys; print(six.__version__, packaging.__version__, sys.started, sys.prefix)";
    const { stdout } = await execa(made.python, ["-I", "-c", script]);
    assert.strictEqual(stdout, `1.16.0 24.1 started ${path.join(made.python, "../..")}`);

    const again: Array<string> = [];
    assert.deepStrictEqual(await ensure([base, top], (message) => void again.push(message)), made);
    assert.deepStrictEqual(again, []);
    const alone = await ensure([base], (message) => void again.push(message));
    assert.deepStrictEqual(again, [], "the base is an environment of its own");
    assert.strictEqual(
      (await execa(path.join(alone.python, "../pip"), ["--version"])).exitCode,
      0,
      "scripts know their place",
    );

    const impossible = await failure([base, lock("bad.lock", "six==0.0.1")]);
    assert.strictEqual(impossible.reason, "install-failed");
    assert.include(impossible.message, "No matching distribution found for six==0.0.1");
    assert.include(
      fs.readFileSync(/read the end of (\S+);/u.exec(impossible.fix)?.[1] ?? "", "utf8"),
      "six==0.0.1",
    );
    assert.deepStrictEqual(building(), []);
  });

  it("is built by one of several processes that want it", async () => {
    withFakePython("sleep 1");
    const wanted = lock("a.lock", "six==1.16.0");
    const [first, ...others] = await Promise.all([
      prepare(wanted),
      prepare(wanted),
      prepare(wanted),
    ]);
    assert.strictEqual(first.exitCode, 0, first.stderr);
    for (const other of others) assert.strictEqual(other.stdout, first.stdout);
    assert.strictEqual(fs.readFileSync(path.join(home, "made"), "utf8"), "made\n");
    assert.strictEqual(environments().length, 1);
  });

  it("is built again after a killed build, which leaves no process and only leftovers", async () => {
    withFakePython("sleep 100");
    vi.stubEnv("PIPE_TEST_HOME", home);
    const wanted = lock("a.lock", "six==1.16.0");
    const killed = prepare(wanted);
    await until("pip at work", () => fs.readdirSync(home).includes("made"));
    killed.kill("SIGKILL");
    await killed;
    await until("no survivors", () => markedProcesses(`PIPE_TEST_HOME=${home}`).length === 0);
    assert.deepStrictEqual(environments(), []);
    assert.strictEqual(building().length, 1);
    const old = new Date(Date.now() - 25 * 60 * 60 * 1000);
    for (const name of building()) fs.utimesSync(path.join(cache(), name), old, old);

    vi.stubEnv("FAKE_PIP", ":");
    await ensure([wanted], silent);
    assert.strictEqual(environments().length, 1);
    assert.deepStrictEqual(building(), []);
  });

  it("is built again after its Python was removed", async () => {
    withFakePython(":");
    const wanted = lock("a.lock", "six==1.16.0");
    assert.isUndefined(await existing(wanted));
    const { python } = await ensure([wanted], silent);
    assert.strictEqual(await existing(wanted), python);
    fs.rmSync(python);
    assert.isUndefined(await existing(wanted));
    assert.strictEqual((await ensure([wanted], silent)).python, python);
  });
});

describe("an environment that cannot be built is an error with a reason:", () => {
  it("an invalid lock", async () => {
    const error = await failure([lock("loose.lock", "a==1", "six")]);
    assert.strictEqual(error.reason, "bad-lock");
    assert.include(error.message, "loose.lock");
    assert.include(error.message, "line 2");
    assert.strictEqual((await failure([path.join(home, "missing.lock")])).reason, "bad-lock");
  });

  it("no Python", async () => {
    const wanted = lock("a.lock", "six==1.16.0");
    vi.stubEnv("PATH", home);
    fs.writeFileSync(path.join(home, "python3"), "#!/bin/sh\necho Welcome\n", { mode: 0o755 });
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

  it("a cache that is not writable", async () => {
    withFakePython(":");
    fs.writeFileSync(path.join(home, "cache"), "a file");
    assert.strictEqual((await failure([lock("a.lock", "six==1.16.0")])).reason, "cache-unwritable");
  });
});

describe("the place of environments", () => {
  it("is the home of a user whose XDG_CACHE_HOME is no absolute path", async () => {
    withFakePython(":");
    vi.stubEnv("XDG_CACHE_HOME", "relative");
    vi.stubEnv("HOME", home);
    const { python } = await ensure([lock("a.lock", "six==1.16.0")], silent);
    assert.isTrue(python.startsWith(path.join(home, ".cache/pipe/env/")), python);
  });

  it("is the temporary directory of a user without a home", async () => {
    withFakePython(":");
    vi.stubEnv("XDG_CACHE_HOME", undefined);
    vi.stubEnv("HOME", "");
    vi.stubEnv("TMPDIR", home);
    const { python } = await ensure([lock("a.lock", "six==1.16.0")], silent);
    assert.isTrue(python.startsWith(path.join(home, "pipe-")), python);
  });
});

describe("the identity", () => {
  it("is of the lock's requirements and Python's version", async () => {
    withFakePython(":");
    const one = await identity([lock("a.lock", "six==1.16.0", "numpy==2.3.1")]);
    assert.strictEqual(one, golden);
    assert.strictEqual(
      await identity([lock("b.lock", "# same", "NumPy == 2.3.1", "six==1.16.0")]),
      one,
    );
    assert.notStrictEqual(await identity([lock("c.lock", "six==1.15.0", "numpy==2.3.1")]), one);
  });

  it("of a complete lock is what pip installs, and no more", async () => {
    withFakePython('echo "$*" > "$FAKE_MADE.args"');
    const wanted = spec([lock("a.lock", "six==1.16.0")]);
    await ensurePython({ ...wanted, isComplete: true }, silent);
    assert.include(fs.readFileSync(path.join(home, "made.args"), "utf8"), " --no-deps ");
  });

  it("is the same with PyTorch's build for processors, which a machine without an NVIDIA driver gets first", async () => {
    withFakePython('echo "$*" >> "$FAKE_MADE.args"');
    const locked = [lock("a.lock", "six==1.16.0", "torch==2.13.0", "torchdata==0.11.0")];
    const made = await ensure(locked, silent);
    const installs = fs.readFileSync(path.join(home, "made.args"), "utf8").trim().split("\n");
    const rest = installs.pop();
    assert.match(rest ?? "", / --requirement \S+a\.lock$/u);
    assert.notInclude(rest, "--extra-index-url", "no other package comes from that index");
    const first =
      process.platform !== "linux" || hasNvidiaDriver()
        ? []
        : [
            / --no-deps --extra-index-url https:\/\/download\.pytorch\.org\/whl\/cpu .* torch==2\.13\.0$/u,
          ];
    assert.strictEqual(installs.length, first.length);
    for (const [at, expected] of first.entries()) assert.match(installs[at] ?? "", expected);
    assert.strictEqual(made.identity, await identity(locked));
  });

  it("of PIPE_PYTHON is of the installed versions", async () => {
    const given = (await execa("python3", ["-c", "import sys; print(sys.executable)"])).stdout;
    vi.stubEnv("PIPE_PYTHON", given);
    const wanted = lock("a.lock", "pip==1.0", "no-such-package==1.0");
    const made = await ensure([wanted], silent);
    assert.strictEqual(made.python, given);
    assert.match(made.identity, /^installed:[0-9a-f]{64}$/u);
    assert.strictEqual(
      made.identity,
      await identity([lock("b.lock", "pip==2.0", "no-such-package==1.0")]),
    );
    vi.stubEnv("PIPE_PYTHON", path.join(home, "nothing"));
    assert.strictEqual((await failure([wanted])).reason, "no-python");
  });

  it("of PIPE_PYTHON needs Python's answer and nothing else", async () => {
    const talkative = path.join(home, "talkative");
    fs.writeFileSync(talkative, '#!/bin/sh\necho Welcome\nexec python3 "$@"\n', { mode: 0o755 });
    for (const [program, printed] of [
      ["/bin/echo", "-I -c "],
      [talkative, "Welcome"],
    ] as const) {
      vi.stubEnv("PIPE_PYTHON", program);
      const { reason, message, fix } = await failure([lock("a.lock", "pip==1.0")]);
      assert.strictEqual(reason, "no-python");
      assert.include(message, `PIPE_PYTHON is ${program}, which printed "${printed}`);
      assert.include(fix, "let PIPE_PYTHON name a Python interpreter");
    }
  });

  it("of PIPE_PYTHON is the same by a script around it or by its prefix, which are run as they are", async () => {
    const given = (await execa("python3", ["-c", "import sys; print(sys.executable)"])).stdout;
    const wanted = lock("a.lock", "pip==1.0");
    vi.stubEnv("PIPE_PYTHON", given);
    const { identity: plain } = await ensure([wanted], silent);
    fs.mkdirSync(path.join(home, "prefix/bin"), { recursive: true });
    const script = path.join(home, "prefix/bin/python");
    // As one that enters a container, in which Python has another path.
    fs.writeFileSync(script, `#!/bin/sh\nexport INSIDE=1\nexec ${given} "$@"\n`, { mode: 0o755 });
    for (const name of [script, path.relative(process.cwd(), script), path.join(home, "prefix")]) {
      vi.stubEnv("PIPE_PYTHON", name);
      assert.deepStrictEqual(await ensure([wanted], silent), { python: script, identity: plain });
      assert.strictEqual(await existing(wanted), script);
    }
  });
});

/** Pinned: keys of finished work contain it. */
const golden = "6cac0eb986f91ac2dc88641d9b5204859e92e6df5d74bbffc7fc18adf6dc3415";
