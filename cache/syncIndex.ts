/**
 * Brings an index up to date with the record files. A folder is read only if its inode or ctime changed, and of its files
 * only the new ones.
 */
import type { Index } from "./Index.ts";
import type { RecordFiles } from "./RecordFiles.ts";
import type { ActionRecord, AdoptionRecord, AttemptsRecord } from "./records.ts";

/** Coarser than the clock of any file system: within it another change of a folder may not show. */
const grainMillis = 2000;

export const syncIndex = (index: Index, files: RecordFiles) => {
  const learned = index.learnedFolders();
  const folders = files.folders();
  const changed = folders.filter((folder) => files.stateOf(folder)?.text !== learned.get(folder));
  const isFolderLost = [...learned.keys()].some((folder) => !folders.includes(folder));
  if (changed.length === 0 && !isFolderLost) return;
  index.transaction(() => {
    const isLost = isFolderLost || changed.some((folder) => hasLost(index, files, folder));
    if (isLost) index.forgetRecords();
    for (const folder of isLost ? folders : changed) syncFolder(index, files, folder);
  });
};

/** Reads every record file again. */
export const rebuildIndex = (index: Index, files: RecordFiles) =>
  index.transaction(() => {
    index.forgetRecords();
    for (const folder of files.folders()) syncFolder(index, files, folder);
  });

/** Learns the answers to one content key that other processes recorded since the index was opened. */
export const syncContent = (index: Index, files: RecordFiles, content: string) => {
  const folder = files.folderOf(content);
  let number = 1;
  while (index.hasLearned(folder, files.nameOf(content, number))) number += 1;
  if (!files.has(folder, files.nameOf(content, number))) return;
  index.transaction(() => {
    for (; files.has(folder, files.nameOf(content, number)); number += 1)
      learn(index, files, folder, files.nameOf(content, number));
  });
};

/** A file that the index knows is missing, as after another store was put in this one's place. */
const hasLost = (index: Index, files: RecordFiles, folder: string): boolean => {
  const names = new Set(files.names(folder));
  for (const name of index.learnedNames(folder)) if (!names.has(name)) return true;
  return false;
};

const syncFolder = (index: Index, files: RecordFiles, folder: string) => {
  const state = files.stateOf(folder);
  const learned = index.learnedNames(folder);
  for (const name of files.names(folder)) if (!learned.has(name)) learn(index, files, folder, name);
  const isSettled = state !== undefined && state.changedMillis < Date.now() - grainMillis;
  index.noteFolder(folder, isSettled ? state.text : "");
};

const learn = (index: Index, files: RecordFiles, folder: string, name: string) => {
  const record = files.read(folder, name);
  if (record === undefined) return;
  if (folder === "attempts") {
    const { order, attempts } = record as AttemptsRecord;
    attempts.forEach((attempt, number) => index.learnAttempt(order + number, attempt));
  } else if (folder === "adopted") index.learnAdoption(record as AdoptionRecord);
  else index.learnAction(record as ActionRecord);
  index.noteLearned(folder, name);
};
