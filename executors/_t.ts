import { ensurePython } from "./PythonEnvironment.ts";
const t = performance.now();
const say = (...a: any[]) => console.log(((performance.now() - t) | 0) + "ms", ...a);
say(await ensurePython(["/tmp/lab/six.lock", "/tmp/lab/top.lock"], say));
say(await ensurePython(["/tmp/lab/six.lock", "/tmp/lab/top.lock"], say));
