/**
 * The TypeScript modules of this repository, each with its value imports. Running from source, it reads and parses them;
 * the build replaces this module by one that holds them (`rolldown.config.ts`).
 */
import fs from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { root } from "../../schemas/root.ts";
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
      fix: "a stage named `x-y` needs stages/XY.ts and stages/XY.run.ts, and their imports must exist",
    });
  }
};

/** A module's imports, without those of types. */
export const valueImports = (file: string, text: string): ReadonlyArray<string> => {
  // Only needed from source, and takes 40 ms to load.
  const { parseSync } = createRequire(import.meta.url)(
    "rolldown/utils",
  ) as typeof import("rolldown/utils");
  const { module, errors } = parseSync(file, text);
  if (errors.length > 0)
    throw new UnknownCode({
      message: `${file} can't be parsed: ${errors[0]?.message}`,
      fix: "node_modules/.bin/tsc --noEmit shows the place",
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
    message: `${file} imports ${written}, whose value is known only at run time`,
    fix: "give import() a literal name",
  });
};

const packageOf = (name: string): string =>
  name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");

/** The build bundles packages, which are `devDependencies` for that; the few that it can't are `optionalDependencies`. */
const pinned = (name: string, file: string): readonly [string, string] => {
  const { devDependencies, optionalDependencies } = JSON.parse(read("package.json")) as {
    readonly devDependencies: Readonly<Record<string, string>>;
    readonly optionalDependencies: Readonly<Record<string, string>>;
  };
  const version = devDependencies[name] ?? optionalDependencies[name];
  if (version !== undefined) return [name, version];
  throw new UnknownCode({
    message: `${file} imports ${name}, which package.json does not name`,
    fix: `npm install --save-dev ${name}`,
  });
};
