/** Builds a virtual environment from a lock, in a directory beside its place, and renames it when it is complete. */
import { Effect } from "effect";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { FoundPython } from "./findPython.ts";
import { PipProgress } from "./PipProgress.ts";
import { diskFull, inCache } from "./pythonCache.ts";
import { PythonUnavailable } from "./PythonUnavailable.ts";
import { siteFilesOf } from "./siteFiles.ts";
import type { Supervisor } from "./Supervisor.ts";
import { LineFollower } from "./LineFollower.ts";
import { whileFollowing } from "./whileFollowing.ts";

/** `fraction` is from 0 to 1, or undefined where it is unknown. */
export type OnProgress = (message: string, fraction?: number) => Effect.Effect<void>;

export interface EnvironmentPlan {
  /** Its directory. */
  readonly place: string;
  readonly lock: string;
  /** Number of packages in the lock. */
  readonly packages: number;
  readonly python: FoundPython;
  /** An environment whose packages this one shares, except where the lock has another version. */
  readonly base: string | undefined;
  /** The lock has every package: pip adds none. */
  readonly isComplete: true | undefined;
  /** pip's arguments that install PyTorch before the rest of the lock. */
  readonly torch: ReadonlyArray<string> | undefined;
}

type Command = readonly [string, ...Array<string>];

const buildingSuffix = ".building";
const garbageMillis = 24 * 60 * 60 * 1000;
const shownLines = 15;

/** The interpreter of an environment. `bin/python` is a link, so a removed interpreter counts as missing. */
export const pythonOf = (place: string): string | undefined => {
  const python = path.join(place, "bin/python");
  return fs.existsSync(python) ? python : undefined;
};

/** Nothing is at `place` before the environment is complete. Leftovers of a killed build are removed a day later. */
export const buildEnvironment = (
  supervisor: Supervisor["Service"],
  plan: EnvironmentPlan,
  onProgress: OnProgress,
): Effect.Effect<void, PythonUnavailable> => {
  const building = `${plan.place}.${randomUUID()}${buildingSuffix}`;
  const log = path.join(building, "install.log");
  const build = Effect.gen(function* () {
    yield* inCache(plan.place, () => sweep(path.dirname(plan.place)));
    yield* inCache(plan.place, () => fs.mkdirSync(building));
    yield* onProgress(`building a Python ${plan.python.version} environment`, 0);
    yield* step(supervisor, plan, makeVenv(plan, building), log);
    const { base } = plan;
    if (base !== undefined) yield* inCache(plan.place, () => standOn(base, plan, building));
    const progress = new PipProgress(plan.packages);
    const tell = (line: string): Effect.Effect<void> => {
      const news = progress.read(line);
      return news === undefined ? Effect.void : onProgress(news.message, news.fraction);
    };
    const install = (what: ReadonlyArray<string>) =>
      step(supervisor, plan, pipInstall(building, what), log);
    const installing = Effect.gen(function* () {
      if (plan.torch !== undefined) yield* install(plan.torch);
      yield* install(wholeLock(plan));
    });
    yield* whileFollowing(new LineFollower(log), tell, installing);
    yield* inCache(plan.place, () => addSiteFiles(plan, building));
    yield* inCache(plan.place, () => nameInScripts(building, plan.place));
    yield* inCache(plan.place, () => putInPlace(building, plan.place));
    yield* onProgress("Python is ready", 1);
  });
  return Effect.ensuring(
    build,
    Effect.sync(() => fs.rmSync(building, { recursive: true, force: true })),
  );
};

/** Runs under the supervisor, so that a killed `pipe` leaves no installation running. */
const step = (
  supervisor: Supervisor["Service"],
  plan: EnvironmentPlan,
  command: Command,
  log: string,
) =>
  Effect.gen(function* () {
    const environment = Object.fromEntries(
      Object.entries(process.env).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      ),
    );
    const program = {
      id: randomUUID(),
      command,
      cwd: path.dirname(log),
      environment,
      log,
      gpus: 0,
    };
    const end = yield* supervisor
      .run(program)
      .pipe(
        Effect.mapError(
          ({ message, fix }) => new PythonUnavailable({ reason: "install-failed", message, fix }),
        ),
      );
    if (end.exitCode !== 0) return yield* explain(plan, log);
  });

/** A base brings its pip. Installing another takes longer than most packages. */
const makeVenv = ({ python, base }: EnvironmentPlan, building: string): Command =>
  base === undefined
    ? [python.executable, "-I", "-m", "venv", building]
    : [python.executable, "-I", "-m", "venv", "--without-pip", building];

// -u: a line is shown as soon as pip prints it.
// --no-compile: the first import compiles a module; most are never imported.
const pipInstall = (building: string, what: ReadonlyArray<string>): Command => [
  path.join(building, "bin/python"),
  ..."-I -u -m pip install --no-input --disable-pip-version-check --progress-bar off --no-user --no-compile".split(
    " ",
  ),
  ...what,
];

const wholeLock = ({ lock, isComplete }: EnvironmentPlan): ReadonlyArray<string> => [
  ...(isComplete === true ? ["--no-deps"] : []),
  "--requirement",
  lock,
];

/** The error, from the log, which is kept beside the environment's place. */
const explain = (plan: EnvironmentPlan, log: string): PythonUnavailable => {
  const text = fs.readFileSync(log, "utf8");
  if (/No space left on device|Disk quota exceeded/u.test(text)) return diskFull(plan.place);
  const kept = `${plan.place}.log`;
  fs.renameSync(log, kept);
  const lastLines = text.trimEnd().split("\n").slice(-shownLines).join("\n");
  return new PythonUnavailable({
    reason: "install-failed",
    message: `the requirements in ${plan.lock} could not be installed with Python ${plan.python.version}:\n${lastLines}`,
    fix: `read the end of ${kept}; check the network, or set pip's PIP_INDEX_URL or PIP_PROXY; then run the same command again`,
  });
};

const sitePackages = (environment: string, { version }: FoundPython): string =>
  path.join(environment, "lib", `python${version}`, "site-packages");

/**
 * Adds the base's packages by a .pth file: Python looks into its directories after the environment's own. `addsitedir` also
 * reads the base's own .pth files, which a plain path would not.
 */
const standOn = (base: string, { python }: EnvironmentPlan, building: string): void => {
  fs.writeFileSync(
    path.join(sitePackages(building, python), "_base.pth"),
    `import site; site.addsitedir(${JSON.stringify(sitePackages(base, python))})\n`,
  );
};

const addSiteFiles = ({ lock, python }: EnvironmentPlan, building: string): void => {
  const files = siteFilesOf(lock);
  if (fs.existsSync(files)) fs.cpSync(files, sitePackages(building, python), { recursive: true });
};

/**
 * Replaces the interpreter's path in the scripts of `bin` after the rename. They are read as Latin-1, which preserves
 * all bytes; binary programs contain zeros and are left alone.
 */
const nameInScripts = (building: string, place: string): void => {
  const bin = path.join(building, "bin");
  const [from, to] = [building, place].map((path) => Buffer.from(path).toString("latin1")) as [
    string,
    string,
  ];
  for (const entry of fs.readdirSync(bin, { withFileTypes: true })) {
    const text = entry.isFile() ? fs.readFileSync(path.join(bin, entry.name), "latin1") : "";
    if (text.includes(from) && !text.includes("\0")) {
      fs.writeFileSync(path.join(bin, entry.name), text.replaceAll(from, to), "latin1");
    }
  }
};

/** Renames the environment. If another process was faster, its environment is used. */
const putInPlace = (building: string, place: string): void => {
  if (fs.existsSync(place) && pythonOf(place) === undefined)
    fs.renameSync(place, `${place}.${randomUUID()}${buildingSuffix}`);
  try {
    fs.renameSync(building, place);
  } catch (error) {
    if (pythonOf(place) === undefined) throw error;
  }
};

/** Removes leftovers of killed builds; no build takes a day. */
const sweep = (directory: string): void => {
  for (const name of fs.readdirSync(directory)) {
    const file = path.join(directory, name);
    const touched = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (name.endsWith(buildingSuffix) && Date.now() - touched > garbageMillis) {
      fs.rmSync(file, { recursive: true, force: true });
    }
  }
};
