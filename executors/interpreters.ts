/** The interpreters of our own Python programs and, if a person names one, of the trainers. */
import fs from "node:fs";
import path from "node:path";

const systemPython = "/usr/bin/python3";

/**
 * The interpreter that a variable such as `PIPE_PYTHON` names: a program, or the directory of a virtual or conda environment.
 * An empty value counts as unset.
 */
export const givenInterpreter = (variable: string): string | undefined => {
  const given = process.env[variable] || undefined;
  const isDirectory =
    given !== undefined && fs.statSync(given, { throwIfNoEntry: false })?.isDirectory() === true;
  return isDirectory ? path.join(given, "bin/python") : given;
};

/** A Python of 3.9 or newer; the system's own starts several times faster than a version manager's wrapper. */
export const anyPython = (): string =>
  givenInterpreter("PIPE_PYTHON") ?? (fs.existsSync(systemPython) ? systemPython : "python3");
