/** A process that wants the environment of the locks it is given: `node prepare.ts LOCK...`; prints where it is. */
import { ensurePython } from "../../../executors/PythonEnvironment.ts";

const wanted = { locks: process.argv.slice(2), variable: "PIPE_PYTHON" };
const { python } = await ensurePython(wanted, (message) => console.error(message));
console.log(python);
