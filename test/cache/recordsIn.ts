/** The action records of a store, read from its files. */
import fs from "node:fs";
import path from "node:path";
import { decodeRecord, type ActionRecord } from "../../cache/records.ts";

/** Every record file of `actions/`, as absolute paths. */
export const actionFiles = (home: string): ReadonlyArray<string> => {
  const actions = path.join(home, "actions");
  if (!fs.existsSync(actions)) return [];
  return fs
    .readdirSync(actions, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
};

/** Throws if one is damaged. */
export const actionsIn = (home: string): ReadonlyArray<ActionRecord> =>
  actionFiles(home).map((file) => {
    const record = decodeRecord(fs.readFileSync(file, "utf8"));
    if (record === undefined) throw new Error(`${file} is torn`);
    return record as ActionRecord;
  });

/** The record file of a node's newest action. */
export const actionFileOf = (home: string, node: string): string => {
  const found = actionFiles(home).filter((file) =>
    fs.readFileSync(file, "utf8").includes(`"node":"${node}"`),
  );
  const newest = found.toSorted().at(-1);
  if (newest === undefined) throw new Error(`no action made ${node}`);
  return newest;
};
