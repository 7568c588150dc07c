/**
 * The product that writes a bundle: its sources, as they lie here, and the commit that they are of. Only what runs goes along: tests hold
 * planted secrets, experiments are other people's, and both are where the product is.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { root } from "../executors/root.ts";
import type { Entry } from "./format.ts";
import type { Origins } from "./scan/anonymous.ts";
import { licenseOfSource } from "./terms.ts";

export interface Product {
  readonly version: string;
  /** SPDX. */
  readonly license: string;
  /** Absent where there is no repository, or its files are not those of a commit. */
  readonly commit?: string;
  /** When the commit was made, UTC in ISO 8601. */
  readonly committedAt?: string;
  /** Below `data/source/`. */
  readonly entries: ReadonlyArray<Entry>;
}

const parts = [
  ".npmrc",
  "ARCHITECTURE.md",
  "LICENSE",
  "README.md",
  "bin",
  "bundle",
  "cache",
  "executors",
  "package-lock.json",
  "package.json",
  "pipelines",
  "rolldown.config.ts",
  "schemas",
  "scripts/prepare.sh",
  "scripts/stale.sh",
  "stages",
  "stats",
  "tasks",
  "trainers",
  "tsconfig.json",
];

export const readProduct = (): Product => {
  const { version, license } = JSON.parse(
    fs.readFileSync(path.join(root, "package.json"), "utf8"),
  ) as { readonly version: string; readonly license: string };
  return {
    version,
    license,
    ...committed(),
    entries: sourceFiles().map((file) => {
      const source = path.join(root, file);
      const { size, mode } = fs.statSync(source);
      return {
        path: `data/source/${file}`,
        content: { file: source, size },
        ...((mode & 0o100) === 0 ? {} : { executable: true }),
        license: licenseOfSource(file, license),
      };
    }),
  };
};

/** What git knows of; where it knows nothing, what is there but the traces of use. */
const sourceFiles = (): ReadonlyArray<string> => {
  const known = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...parts);
  const files = known === undefined ? parts.flatMap(filesBelow) : known.split("\0");
  return files
    .filter((file) => fs.lstatSync(path.join(root, file), { throwIfNoEntry: false })?.isFile())
    .toSorted((one, other) => (one < other ? -1 : 1));
};

const traces = new Set(["__pycache__", "node_modules"]);

const filesBelow = (part: string): ReadonlyArray<string> => {
  const place = path.join(root, part);
  if (!fs.existsSync(place)) return [];
  if (!fs.statSync(place).isDirectory()) return [part];
  return fs
    .readdirSync(place)
    .filter((name) => !traces.has(name))
    .flatMap((name) => filesBelow(`${part}/${name}`));
};

const committed = (): Pick<Product, "commit" | "committedAt"> => {
  const changes = git("status", "--porcelain", "--", ...parts);
  const commit = git("rev-parse", "HEAD")?.trim();
  const at = git("show", "--no-patch", "--format=%cI", "HEAD")?.trim();
  return changes !== "" || commit === undefined || at === undefined
    ? {}
    : { commit, committedAt: new Date(at).toISOString() };
};

/** Where the product comes from, as far as it says here: by this its authors could be known. */
export const productOrigins = (): Origins => {
  const linesOf = (text = "") => [...new Set(text.split("\n").filter((line) => line !== ""))];
  return {
    packageJson: fs.readFileSync(path.join(root, "package.json"), "utf8"),
    license: fs.readFileSync(path.join(root, "LICENSE"), "utf8"),
    gitAuthors: linesOf(git("log", "--format=%an <%ae>")),
    gitRemotes: linesOf(git("config", "--get-regexp", "^remote\\..*\\.url$")).map((line) =>
      line.slice(line.indexOf(" ") + 1),
    ),
  };
};

/** What git says of the product's own repository; undefined where there is none, or no git. */
const git = (...args: ReadonlyArray<string>): string | undefined => {
  if (!fs.existsSync(path.join(root, ".git"))) return undefined;
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"));
  try {
    // Whoever the files belong to: they are only read.
    return execFileSync("git", ["-c", "safe.directory=*", ...args], {
      cwd: root,
      env: Object.fromEntries(others),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 1 << 28,
    });
  } catch {
    return undefined;
  }
};
