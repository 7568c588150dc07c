/** A process that wants the environment of the locks it is given: `node prepare.ts LOCK...`; prints where it is. */
import { ensurePython } from "../../../executors/PythonEnvironment.ts";

const { python } = await ensurePython(process.argv.slice(2), (message) => console.error(message));
console.log(python);
