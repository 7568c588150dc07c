import { assert, describe, it } from "@effect/vitest";
import { Result } from "effect";
import { packageName, parseLock } from "../../executors/LockFile.ts";

const requirements = (text: string) => Result.getOrThrow(parseLock(text));

describe("a lock", () => {
  it("has its pinned requirements in canonical form and order", () => {
    const lock = `
      # made by hand
      --index-url https://example.org/simple
      Torch_Vision == 0.24.0+cpu   # no GPU here
      numpy==2.3.1 ; python_version  >=  "3.11" \\
          --hash=sha256:aa --hash=sha256:bb
      fsspec[HTTP, dirs]==2026.1.0
      numpy==2.3.1 ; python_version >= '3.11'`;
    assert.deepStrictEqual(requirements(lock), [
      "fsspec[dirs,http]==2026.1.0",
      "numpy==2.3.1; python_version >= '3.11'",
      "torch-vision==0.24.0+cpu",
    ]);
  });

  it("means the same in any order, with any comments and hashes", () => {
    assert.deepStrictEqual(
      requirements("b==1\na==2 --hash=sha256:cc\n"),
      requirements("#x\r\nA==2\r\nb==1"),
    );
  });

  for (const line of [
    "six",
    "six>=1.0",
    "six==1.*",
    "-r other.txt",
    "-e .",
    "six @ https://example.org/six.whl",
  ]) {
    it(`with \`${line}\` is refused`, () => {
      const parsed = parseLock(`a==1\n\n${line}\n`);
      assert.isTrue(Result.isFailure(parsed));
      assert.include(Result.isFailure(parsed) ? parsed.failure : "", "line 3");
    });
  }

  it("has a package name for each requirement", () => {
    assert.deepStrictEqual(["a-b[c]==1", "d==2; x"].map(packageName), ["a-b", "d"]);
  });
});
