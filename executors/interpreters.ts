/** Which interpreter runs our own Python programs, and which one somebody has given us for the trainers. */
import { existsSync } from "node:fs";

const SYSTEM_PYTHON = "/usr/bin/python3";

/** The one that `PIPE_PYTHON` names; set to nothing is not set. */
export const givenInterpreter = (): string | undefined => process.env["PIPE_PYTHON"] || undefined;

/** Any Python from 3.9 on will do; the system's own starts several times faster than a version manager's wrapper. */
export const anyPython = (): string =>
  givenInterpreter() ?? (existsSync(SYSTEM_PYTHON) ? SYSTEM_PYTHON : "python3");
