/** Creates the directories of a store that are missing, and takes over an old store. */
import fs from "node:fs";
import path from "node:path";
import { StoreTrouble } from "./StoreTrouble.ts";
import { isOldStore, takeOver } from "./takeOver.ts";

/** Counts up with every change that an earlier `pipe` can't read. */
const storeFormat = 3;

const directories =
  "blobs trees runs work checkpoints incoming owners claims attempts adopted absent tags".split(
    " ",
  );

/** In mode `read` a missing store is not created. */
export const prepareStore = (home: string, mode: "read" | "write") => {
  if (mode === "read" && !fs.existsSync(home)) return;
  const isNew = !fs.existsSync(home) || fs.readdirSync(home).length === 0;
  makeDirectory(home);
  // Throws if `home` is a file, which would look like an empty store.
  fs.readdirSync(home);
  checkFormat(home);
  const isOld = isOldStore(home);
  if (mode === "read" && !isOld) return expectActions(home);
  for (const directory of directories)
    fs.mkdirSync(path.join(home, directory), { recursive: true });
  if (isOld) takeOver(home);
  expectActions(home);
  fs.mkdirSync(path.join(home, "actions"), { recursive: true });
  const format = path.join(home, "format");
  if (fs.existsSync(format)) return;
  // Or else `git add .` would add the store. A directory that had other files may be somebody's project.
  if (isNew) fs.writeFileSync(path.join(home, ".gitignore"), "*\n");
  fs.writeFileSync(format, `${storeFormat}\n`);
};

const checkFormat = (home: string) => {
  const file = path.join(home, "format");
  if (!fs.existsSync(file)) return;
  const format = Number(fs.readFileSync(file, "utf8"));
  if (format > storeFormat)
    throw new StoreTrouble({
      message: `the store was written by a newer pipe (format ${format}, this one knows ${storeFormat})`,
      fix: "update pipe, or point PIPE_HOME at another directory",
    });
};

/** Artifacts without `actions/` mean a damaged store: computing everything again must not happen by accident. */
const expectActions = (home: string) => {
  if (fs.existsSync(path.join(home, "actions")) || !isInhabited(path.join(home, "trees"))) return;
  throw new StoreTrouble({
    message: `${home}/actions is missing, though the store has artifacts`,
    fix: "restore it, or create an empty directory there to compute every result again",
  });
};

/** Reads one entry, since there may be very many. */
const isInhabited = (directory: string): boolean => {
  if (!fs.existsSync(directory)) return false;
  const opened = fs.opendirSync(directory);
  try {
    return opened.readSync() !== null;
  } finally {
    opened.closeSync();
  }
};

/** Level by level, since Node's recursive mkdir never returns below `/proc`. */
const makeDirectory = (directory: string) => {
  if (fs.existsSync(directory)) return;
  makeDirectory(path.dirname(directory));
  try {
    fs.mkdirSync(directory);
  } catch (error) {
    if (!fs.existsSync(directory)) throw error;
  }
};
