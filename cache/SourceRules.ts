/** Which files of a local source count: not temporary files of other programs, not a store, not the output of `pipe` itself. */
import fs from "node:fs";
import path from "node:path";
import { ignoreRules, type IsIgnored } from "./ignoreRules.ts";

/** In the project's directory; its rules come after the built-in ones. */
export const ignoreFile = ".pipeignore";

const builtIn =
  ".git .hg/ .svn/ .pipe/ __pycache__/ *.py[co] .ipynb_checkpoints/ .pytest_cache/ .mypy_cache/ .ruff_cache/ .DS_Store Thumbs.db *~ .#* \\#*# .*.sw[a-p]".split(
    " ",
  );

export class SourceRules {
  private readonly project: string;
  private readonly isIgnored: IsIgnored;
  /** Files to which standard output and standard error go. */
  private readonly own: ReadonlyArray<fs.Stats>;

  constructor(project: string) {
    const file = path.join(project, ignoreFile);
    const isFile = fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true;
    const lines = isFile ? fs.readFileSync(file, "utf8").split("\n") : [];
    this.project = project;
    this.isIgnored = ignoreRules([...builtIn, ...lines]);
    this.own = [1, 2].flatMap(openFile);
  }

  /** The rule for paths below a source; a source itself always counts. Every path that it leaves out goes to `report`. */
  below(source: string, report: (path: string) => void = () => {}): IsIgnored {
    const inProject = path.relative(this.project, source);
    const above = inProject === "" || inProject.startsWith("..") ? "" : `${inProject}/`;
    return (relative, isDirectory) => {
      const full = `${source}/${relative}`;
      const ignored =
        this.isIgnored(`${above}${relative}`, isDirectory) ||
        (isDirectory ? isStore(full) : this.isOwn(full));
      if (ignored) report(`${full}${isDirectory ? "/" : ""}`);
      return ignored;
    };
  }

  private isOwn(file: string): boolean {
    if (this.own.length === 0) return false;
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    return this.own.some(({ dev, ino }) => stat?.dev === dev && stat.ino === ino);
  }
}

const openFile = (descriptor: number): ReadonlyArray<fs.Stats> => {
  try {
    const stat = fs.fstatSync(descriptor);
    return stat.isFile() ? [stat] : [];
  } catch {
    // It is closed.
    return [];
  }
};

const isStore = (directory: string): boolean =>
  ["actions", "blobs", "trees"].every((name) => fs.existsSync(`${directory}/${name}`));
