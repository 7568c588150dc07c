import { assert, it } from "@effect/vitest";
import { PipProgress } from "../../executors/PipProgress.ts";

it("pip's lines give messages and a fraction", () => {
  const progress = new PipProgress(2);
  const said = [
    "Looking in indexes: https://example.org/simple",
    "Collecting torch==2.9.0 (from -r /x/requirements.lock (line 1))",
    "  Downloading torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl (190.5 MB)",
    "Collecting numpy==2.3.1",
    "  Using cached numpy-2.3.1-cp311-cp311-linux_x86_64.whl (16 MB)",
    "Installing collected packages: numpy, torch",
    "Successfully installed numpy-2.3.1 torch-2.9.0",
  ].flatMap((line) => progress.read(line) ?? []);
  assert.deepStrictEqual(said, [
    { message: "looking for torch 2.9.0", fraction: 0.4 },
    { message: "downloading torch 2.9.0 (190.5 MB)", fraction: 0.4 },
    { message: "looking for numpy 2.3.1", fraction: 0.8 },
    { message: "found numpy 2.3.1", fraction: 0.8 },
    { message: "installing 2 packages", fraction: 0.8 },
  ]);
});
