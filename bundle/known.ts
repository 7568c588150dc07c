/** Whom the scan knows by name: the person who bundles, this machine, and, where they are to stay unknown, the authors. */
import os from "node:os";
import type { Known } from "./scan/Finding.ts";
import { withheldNames } from "./scan/anonymous.ts";
import { productOrigins } from "./source.ts";

export const knownHere = (anonymous: boolean): Known => ({
  users: [userName()],
  hosts: [os.hostname()],
  homes: [os.homedir()],
  ...(anonymous ? { withheld: withheldNames(productOrigins()) } : {}),
});

/** A user of a container may have a number only. */
const userName = (): string => {
  try {
    return os.userInfo().username;
  } catch {
    return "";
  }
};
