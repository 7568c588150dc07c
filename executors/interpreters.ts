/** The interpreters of our own Python programs and, if a person names one, of the trainers. */
import fs from "node:fs";

const systemPython = "/usr/bin/python3";

/** The interpreter that a variable such as `PIPE_PYTHON` names; an empty value counts as unset. */
export const givenInterpreter = (variable: string): string | undefined =>
  process.env[variable] || undefined;

/** A Python of 3.9 or newer; the system's own starts several times faster than a version manager's wrapper. */
export const anyPython = (): string =>
  givenInterpreter("PIPE_PYTHON") ?? (fs.existsSync(systemPython) ? systemPython : "python3");
