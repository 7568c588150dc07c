/** Makes a virtual environment from a lock, in a directory beside its place, and renames it there when it is whole. */
import { Effect } from "effect";
import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FoundPython } from "./findPython.ts";
import { PipProgress } from "./PipProgress.ts";
import { diskFull, inCache } from "./pythonCache.ts";
import { PythonUnavailable } from "./PythonUnavailable.ts";
import type { Supervisor } from "./Supervisor.ts";
import { whileFollowing } from "./whileFollowing.ts";

/** `fraction` runs from 0 to 1 where it is known. */
export type OnProgress = (message: string, fraction?: number) => Effect.Effect<void>;

export interface EnvironmentPlan {
  /** The directory it gets. */
  readonly place: string;
  readonly lock: string;
  /** How many packages the lock names. */
  readonly packages: number;
  readonly python: FoundPython;
  /** An environment whose packages this one has too, unless the lock says another version. */
  readonly base: string | undefined;
}

type Command = readonly [string, ...string[]];

const BUILDING = ".building";
const GARBAGE_MILLIS = 24 * 60 * 60 * 1000;
const SHOWN_LINES = 15;

/** `bin/python` is a link to the interpreter, so this also notices when that was removed from the machine. */
export const pythonOf = (place: string): string | undefined => {
  const python = join(place, "bin/python");
  return existsSync(python) ? python : undefined;
};

/** Builds it. Nothing is at `place` before it is whole; what a killed build leaves is swept up a day later. */
export const buildEnvironment = (
  supervisor: Supervisor["Service"],
  plan: EnvironmentPlan,
  onProgress: OnProgress,
): Effect.Effect<void, PythonUnavailable> => {
  const building = `${plan.place}.${randomUUID()}${BUILDING}`;
  const log = join(building, "install.log");
  const build = Effect.gen(function* () {
    yield* inCache(plan.place, () => sweep(dirname(plan.place)));
    yield* inCache(plan.place, () => mkdirSync(building));
    yield* onProgress(`making a Python ${plan.python.version} environment`, 0);
    yield* step(supervisor, plan, makeVenv(plan, building), log);
    const { base } = plan;
    if (base !== undefined) yield* inCache(plan.place, () => standOn(base, plan, building));
    const progress = new PipProgress(plan.packages);
    const tell = (line: string): Effect.Effect<void> => {
      const news = progress.read(line);
      return news === undefined ? Effect.void : onProgress(news.message, news.fraction);
    };
    yield* whileFollowing(log, tell, step(supervisor, plan, pipInstall(building, plan.lock), log));
    yield* inCache(plan.place, () => nameInScripts(building, plan.place));
    yield* inCache(plan.place, () => putInPlace(building, plan.place));
    yield* onProgress("Python is ready", 1);
  });
  return Effect.ensuring(
    build,
    Effect.sync(() => rmSync(building, { recursive: true, force: true })),
  );
};

/** Runs under the supervisor, so that not even a killed `pipe` leaves an installation running. */
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
    const program = { id: randomUUID(), command, cwd: dirname(log), environment, log, gpus: 0 };
    const end = yield* supervisor
      .run(program)
      .pipe(
        Effect.mapError(
          ({ message, fix }) => new PythonUnavailable({ reason: "install-failed", message, fix }),
        ),
      );
    if (end.exitCode !== 0) return yield* explain(plan, log);
  });

/** On top of a base there is a pip already: the base's. Installing another takes longer than most packages. */
const makeVenv = ({ python, base }: EnvironmentPlan, building: string): Command =>
  base === undefined
    ? [python.executable, "-I", "-m", "venv", building]
    : [python.executable, "-I", "-m", "venv", "--without-pip", building];

// -u: a line is in the log, and before a person, when it is printed.
// --no-compile: a module is compiled when it is first imported; most never are.
const pipInstall = (building: string, lock: string): Command => [
  join(building, "bin/python"),
  ..."-I -u -m pip install --no-input --disable-pip-version-check --progress-bar off --no-user --no-compile".split(
    " ",
  ),
  "--requirement",
  lock,
];

/** What went wrong, from the log, which is kept beside the environment's place. */
const explain = (plan: EnvironmentPlan, log: string): PythonUnavailable => {
  const text = readFileSync(log, "utf8");
  if (/No space left on device|Disk quota exceeded/u.test(text)) return diskFull(plan.place);
  const kept = `${plan.place}.log`;
  renameSync(log, kept);
  const lastLines = text.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
  return new PythonUnavailable({
    reason: "install-failed",
    message: `the requirements in ${plan.lock} could not be installed with Python ${plan.python.version}:\n${lastLines}`,
    fix: `read the end of ${kept}; check the network, or tell pip where packages are (PIP_INDEX_URL, PIP_PROXY); then run the same command again`,
  });
};

const sitePackages = (environment: string, { version }: FoundPython): string =>
  join(environment, "lib", `python${version}`, "site-packages");

/** A .pth file: Python looks into the directories it names after the environment's own. */
const standOn = (base: string, { python }: EnvironmentPlan, building: string): void => {
  writeFileSync(
    join(sitePackages(building, python), "_base.pth"),
    `${sitePackages(base, python)}\n`,
  );
};

/**
 * Scripts in `bin` name the interpreter by its path, which was another while it was built. They are read as Latin-1,
 * which gives any bytes back as they were; a program that is no script has zeros in it.
 */
const nameInScripts = (building: string, place: string): void => {
  const bin = join(building, "bin");
  const [from, to] = [building, place].map((path) => Buffer.from(path).toString("latin1")) as [
    string,
    string,
  ];
  for (const entry of readdirSync(bin, { withFileTypes: true })) {
    const text = entry.isFile() ? readFileSync(join(bin, entry.name), "latin1") : "";
    if (text.includes(from) && !text.includes("\0")) {
      writeFileSync(join(bin, entry.name), text.replaceAll(from, to), "latin1");
    }
  }
};

/** By a rename; where another process was faster, its environment is as good as ours. */
const putInPlace = (building: string, place: string): void => {
  if (existsSync(place) && pythonOf(place) === undefined)
    renameSync(place, `${place}.${randomUUID()}${BUILDING}`);
  try {
    renameSync(building, place);
  } catch (error) {
    if (pythonOf(place) === undefined) throw error;
  }
};

/** Removes what killed builds left; a day is longer than any build takes. */
const sweep = (directory: string): void => {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (basename(path).endsWith(BUILDING) && Date.now() - touched > GARBAGE_MILLIS) {
      rmSync(path, { recursive: true, force: true });
    }
  }
};
