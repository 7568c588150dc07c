/**
 * `npm run test:trainers`: pytest of the trainers that have environments of their own. By default the quick suite, LLaMA-Factory's;
 * with `-- --all` also those that start vLLM or verl, which take gigabytes of packages and minutes. Further arguments go to pytest.
 */
import path from "node:path";
import { ensurePython } from "../executors/PythonEnvironment.ts";
import {
  llamafactoryEnvironment,
  verlEnvironment,
  vllmEnvironment,
} from "../stages/environments.ts";
import { runPytest, total } from "./suites.mjs";

const quick = [
  { name: "LLaMA-Factory", environment: llamafactoryEnvironment, tests: "test/llamafactory" },
];
const slow = [
  { name: "vLLM", environment: vllmEnvironment, tests: "test/vllm" },
  { name: "verl", environment: verlEnvironment, tests: "test/verl" },
];

const root = path.resolve(import.meta.dirname, "..");
const pytestLock = path.join(root, "trainers/environments/pytest.lock");
const args = process.argv.slice(2);
const suites = args.includes("--all") ? [...quick, ...slow] : quick;
const forPytest = args.filter((argument) => argument !== "--all");

let passed = 0;
let failed = 0;
for (const { name, environment, tests } of suites) {
  console.log(`\n── ${name}'s Python`);
  const locks = [...environment.locks, pytestLock];
  const { python } = await ensurePython({ ...environment, locks }, (message) =>
    console.log(message),
  );
  console.log(`\n── pytest, ${name}`);
  const ended = await runPytest(python, [tests, ...forPytest], {
    env: {
      PYTHONPATH: [root, path.join(root, "test/trainers")].join(path.delimiter),
      OMP_NUM_THREADS: "1",
      HF_HUB_OFFLINE: "1",
    },
  });
  const counts = total(ended);
  passed += counts.passed;
  failed += counts.failed;
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
