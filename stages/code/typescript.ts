/**
 * The TypeScript modules of this repository, each with what it imports as a value. From source they are read and parsed
 * when asked for; the build puts in this module's place one that knows them already (`rolldown.config.ts`).
 */
import fs from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { root } from "../../executors/root.ts";
import { digestText, type SourceModule, UnknownCode } from "./SourceModule.ts";

const known = new Map<string, SourceModule>();

export const typescriptModule = (file: string): SourceModule => {
  const module = known.get(file) ?? parsed(file);
  known.set(file, module);
  return module;
};

const parsed = (file: string): SourceModule => {
  const text = read(file);
  const wanted = file.endsWith(".ts") ? valueImports(file, text) : [];
  const packages = wanted.filter((name) => !name.startsWith(".") && !isBuiltin(name));
  return {
    digest: digestText(text),
    imports: wanted
      .filter((name) => name.startsWith("."))
      .map((name) => path.posix.join(path.posix.dirname(file), name)),
    packages: Object.fromEntries(packages.map((name) => pinned(packageOf(name), file))),
  };
};

const read = (file: string): string => {
  try {
    return fs.readFileSync(path.join(root, file), "utf8");
  } catch (cause) {
    throw new UnknownCode({
      message: `${file} is part of a stage's code and can't be read: ${String(cause)}`,
      fix: "a stage named `x-y` is declared in stages/XY.ts, and what it imports is in the repository",
    });
  }
};

/** What stays of a module's imports when the types are gone. */
export const valueImports = (file: string, text: string): ReadonlyArray<string> => {
  // Needed from source alone, and takes 40 ms to load.
  const { parseSync } = createRequire(import.meta.url)(
    "rolldown/utils",
  ) as typeof import("rolldown/utils");
  const { module, errors } = parseSync(file, text);
  if (errors.length > 0)
    throw new UnknownCode({
      message: `${file} can't be parsed: ${errors[0]?.message}`,
      fix: "node_modules/.bin/tsc --noEmit says more",
    });
  const isType = (entries: ReadonlyArray<{ readonly isType: boolean }>) =>
    entries.length > 0 && entries.every((entry) => entry.isType);
  const names = [
    ...module.staticImports
      .filter(({ entries }) => !isType(entries))
      .map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ isType, moduleRequest }) =>
        isType || moduleRequest === null ? [] : [moduleRequest.value],
      ),
    ),
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) =>
      literal(text.slice(start, end), file),
    ),
  ];
  return [...new Set(names)];
};

const literal = (written: string, file: string): string => {
  const name = /^(["'`])([^"'`$]*)\1$/u.exec(written)?.[2];
  if (name !== undefined) return name;
  throw new UnknownCode({
    message: `${file} imports ${written}, so nobody can say which module it will be`,
    fix: "write the module's name out in every import()",
  });
};

const packageOf = (name: string): string =>
  name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");

const pinned = (name: string, file: string): readonly [string, string] => {
  const { dependencies } = JSON.parse(read("package.json")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const version = dependencies[name];
  if (version !== undefined) return [name, version];
  throw new UnknownCode({
    message: `${file} imports ${name}, which package.json does not name`,
    fix: `npm install ${name}`,
  });
};
