/**
 * `npm run test:trainers`: pytest of what needs an environment of its own. By default the quick suites, of the kernels by Triton's
 * interpreter and of LLaMA-Factory; with `-- --all` also those that start vLLM or verl, which take gigabytes of packages and minutes.
 * Further arguments go to pytest.
 */
import path from "node:path";
import { ensurePython } from "../executors/PythonEnvironment.ts";
import {
  llamafactoryEnvironment,
  pipeEnvironment,
  verlEnvironment,
  vllmEnvironment,
} from "../stages/environments.ts";
import { runPytest, total } from "./suites.mjs";

const root = path.resolve(import.meta.dirname, "..");
const lock = (name) => path.join(root, `trainers/environments/${name}.lock`);
const withTriton = { ...pipeEnvironment, locks: [...pipeEnvironment.locks, lock("triton")] };
const kernels = ["layer_kernels", "decode"].map((name) => `test/trainers/test_${name}.py`);

const quick = [
  {
    name: "Triton's interpreter",
    environment: withTriton,
    tests: [...kernels, "-k", "kernel"],
    env: { TRITON_INTERPRET: "1" },
  },
  { name: "LLaMA-Factory", environment: llamafactoryEnvironment, tests: ["test/llamafactory"] },
];
const slow = [
  { name: "vLLM", environment: vllmEnvironment, tests: ["test/vllm"] },
  { name: "verl", environment: verlEnvironment, tests: ["test/verl"] },
];

const args = process.argv.slice(2);
const suites = args.includes("--all") ? [...quick, ...slow] : quick;
const forPytest = args.filter((argument) => argument !== "--all");

let passed = 0;
let failed = 0;
for (const { name, environment, tests, env } of suites) {
  console.log(`\n── ${name}'s Python`);
  const locks = [...environment.locks, lock("pytest")];
  const { python } = await ensurePython({ ...environment, locks }, (message) =>
    console.log(message),
  );
  console.log(`\n── pytest, ${name}`);
  const ended = await runPytest(python, [...tests, ...forPytest], {
    env: {
      PYTHONPATH: [root, path.join(root, "test/trainers")].join(path.delimiter),
      OMP_NUM_THREADS: "1",
      HF_HUB_OFFLINE: "1",
      ...env,
    },
  });
  const counts = total(ended);
  passed += counts.passed;
  failed += counts.failed;
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
