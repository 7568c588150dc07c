/**
 * Pipe itself: its sources, licence and commit. A bundle takes only the files that run: tests hold planted secrets, and experiments belong
 * to others.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { root } from "../../schemas/root.ts";
import type { Entry } from "../format/format.ts";
import { sourceFile } from "../describe/sourceFile.ts";
import { licenseOfSource } from "../describe/terms.ts";

export interface Product {
  readonly version: string;
  /** SPDX. */
  readonly license: string;
  /** Absent without a repository or with uncommitted changes. */
  readonly commit?: string;
  /** UTC in ISO 8601. */
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
  "kinds",
  "package-lock.json",
  "package.json",
  "pipelines",
  "publish",
  "remote",
  "report",
  "rolldown.config.ts",
  "scan",
  "schemas",
  "scripts/packageLicenses.ts",
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
      const source = sourceFile(file);
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

/** The files that git lists; without git, all files except caches. */
const sourceFiles = (): ReadonlyArray<string> => {
  const known = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...parts);
  const files = known === undefined ? parts.flatMap(filesBelow) : known.split("\0");
  return files
    .filter((file) => fs.lstatSync(sourceFile(file), { throwIfNoEntry: false })?.isFile())
    .toSorted((one, other) => (one < other ? -1 : 1));
};

const caches = new Set(["__pycache__", "node_modules"]);

const filesBelow = (part: string): ReadonlyArray<string> => {
  const place = sourceFile(part);
  if (!fs.existsSync(place)) return [];
  if (!fs.statSync(place).isDirectory()) return [part];
  return fs
    .readdirSync(place)
    .filter((name) => !caches.has(name))
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

/** People and addresses of a repository. */
export interface Repository {
  /** `name <address>` of each author in its history. */
  readonly gitAuthors: ReadonlyArray<string>;
  /** The addresses that `git remote -v` prints. */
  readonly gitRemotes: ReadonlyArray<string>;
}

/** The fields of the product that name its authors. */
export interface ProductOrigins extends Repository {
  readonly packageJson: string;
  readonly license: string;
}

export const productOrigins = (): ProductOrigins => {
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

/** The output of git in pipe's own repository; undefined without a repository or git. */
const git = (...args: ReadonlyArray<string>): string | undefined => {
  if (!fs.existsSync(path.join(root, ".git"))) return undefined;
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"));
  try {
    // Files of other owners are fine: git only reads them.
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
