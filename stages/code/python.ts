/**
 * The Python code of a trainer: its module, the modules of this repository that it imports, and the data files that these
 * read. Read from disk, since Python files are not part of the built program.
 */
import fs from "node:fs";
import path from "node:path";
import { root } from "../../schemas/root.ts";
import { digestText, type SourceModule, UnknownCode } from "./SourceModule.ts";

export const pythonModule = (file: string): SourceModule => {
  const text = fs.readFileSync(path.join(root, file), "utf8");
  return {
    digest: digestText(text),
    imports: file.endsWith(".py")
      ? [...new Set([...importedFiles(file, text), ...dataFiles(file, text)])]
      : [],
    packages: {},
  };
};

/** Importing `a.b.c` runs `a/__init__.py` and `a/b/__init__.py` before it. */
const importedFiles = (file: string, text: string): ReadonlyArray<string> =>
  importedModules(file, text).flatMap((module) => {
    const parts = module.split(".");
    const [first = ""] = parts;
    if (!exists(first) && !exists(`${first}.py`)) return []; // a package of the environment
    return parts
      .flatMap((_, index) => {
        const place = parts.slice(0, index + 1).join("/");
        return [`${place}.py`, `${place}/__init__.py`];
      })
      .filter(exists);
  });

/**
 * The dotted names that may be modules: in `from a import b`, `b` may be a module or a name in `a`. Anything that looks like
 * an import at the start of a statement counts, even inside a string: a file too many costs an affirmation, a file too few
 * serves a wrong number.
 */
export const importedModules = (file: string, text: string): ReadonlyArray<string> => {
  if (/\b(?:import_module|__import__|runpy|spec_from_file_location)\b/u.test(text))
    throw new UnknownCode({
      message: `${file} imports a module whose name is computed at run time`,
      fix: "name the module in an import statement",
    });
  const code = text.replaceAll(/#[^\n]*/gu, "").replaceAll(/\\\r?\n/gu, " ");
  const from = [
    ...code.matchAll(
      /(?:^|[;:])[ \t]*from[ \t]+([\w.]+)[ \t]+import\b[ \t]*(\([^)]*\)|[^\n;]*)/gmu,
    ),
  ].flatMap(([, written = "", names = ""]) => {
    const module = absolute(file, written);
    return [module, ...listedNames(names).map((name) => `${module}.${name}`)];
  });
  const plain = [...code.matchAll(/(?:^|[;:])[ \t]*import[ \t]+([^\n;]*)/gmu)].flatMap(
    ([, names = ""]) => listedNames(names),
  );
  return [...from, ...plain];
};

/** `(a, b as c)`, perhaps over several lines, is `a` and `b`. */
const listedNames = (list: string): ReadonlyArray<string> =>
  list
    .replaceAll(/[()]/gu, "")
    .split(",")
    .map((name) => name.trim().split(/\s/u)[0] ?? "")
    .filter((name) => /^[\w.]+$/u.test(name));

/** `.x` is a sibling of the module, `..x` one of its package. */
const absolute = (file: string, written: string): string => {
  const dots = /^\.*/u.exec(written)?.[0].length ?? 0;
  if (dots === 0) return written;
  const around = file.split("/").slice(0, -dots);
  return [...around, written.slice(dots)].filter((part) => part !== "").join(".");
};

const here = /\b__file__\b/gu;
const dataFile = /\bPath\(__file__\)((?:\.parent)+)((?:\s*\/\s*"[^"]*")+)/gu;

/**
 * A module can find this repository only through `__file__`, so every use of it must name the file that it reads:
 * `Path(__file__).parent.parent / "tasks" / "pieces.json"`.
 */
const dataFiles = (file: string, text: string): ReadonlyArray<string> => {
  const found = [...text.matchAll(dataFile)].map(([, up = "", names = ""]) => {
    const parts = [...names.matchAll(/"([^"]*)"/gu)].map(([, part = ""]) => part);
    const around = file.split("/").slice(0, -up.split(".parent").length + 1);
    return path.posix.join(...around, ...parts);
  });
  if (found.length === [...text.matchAll(here)].length) return found.filter(exists);
  throw new UnknownCode({
    message: `${file} uses __file__ without naming the file that it reads`,
    fix: 'name the file in one expression: Path(__file__).parent / "name"',
  });
};

const exists = (file: string): boolean =>
  namesIn(path.posix.dirname(file)).has(path.posix.basename(file));

const folders = new Map<string, ReadonlySet<string>>();

/** Each folder is read once: most places that an import may point to don't exist. */
const namesIn = (folder: string): ReadonlySet<string> => {
  const known = folders.get(folder);
  if (known !== undefined) return known;
  const isThere = folder === "." || exists(folder);
  const names = new Set(isThere ? entries(path.join(root, folder)) : []);
  folders.set(folder, names);
  return names;
};

const entries = (directory: string): ReadonlyArray<string> =>
  fs.statSync(directory).isDirectory() ? fs.readdirSync(directory) : [];
