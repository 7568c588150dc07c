/** The directory where pipe is installed: its Python programs, lock files and licenses are read from there. */
import path from "node:path";
import { fileURLToPath } from "node:url";

// One folder below, in the sources (schemas/) as in the bundle (dist/).
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
