import { assert, describe, it } from "@effect/vitest";
import { normalQuantile } from "../../stats/normalQuantile.ts";
import { hash32, Random } from "../../stats/Random.ts";

const take = (random: Random, count: number) => Array.from({ length: count }, () => random.bits());

describe("Random", () => {
  it("gives the golden numbers", () => {
    assert.deepStrictEqual(
      take(Random.of(7, "test", 0), 4),
      [1945542900, 2576328400, 2717123091, 271088286],
    );
    assert.strictEqual(hash32("pipe"), 731579893);
  });

  it("gives different streams for different parts", () => {
    const names = [
      Random.of("a", "b"),
      Random.of("ab"),
      Random.of(1),
      Random.of("1"),
      Random.of(1, 0),
      Random.of(0, 1),
    ];
    assert.strictEqual(new Set(names.map((random) => take(random, 2).join())).size, names.length);
  });

  it("is uniform: mean, variance and each of 16 leading and trailing bit patterns", () => {
    const random = Random.of("uniform");
    const n = 64_000;
    const low = Array.from({ length: 16 }, () => 0);
    const high = Array.from({ length: 16 }, () => 0);
    for (let i = 0; i < n; i++) {
      const bits = random.bits();
      low[bits & 15]!++;
      high[bits >>> 28]!++;
    }
    // The tolerance is five standard deviations of a binomial count.
    const slack = 5 * Math.sqrt((n * 15) / 256);
    for (const count of [...low, ...high]) assert.isBelow(Math.abs(count - n / 16), slack);
  });

  it("draws integers from the whole range, both ends included", () => {
    const random = Random.of("integers");
    const drawn = new Set(Array.from({ length: 1000 }, () => random.integer(-2, 3)));
    assert.deepStrictEqual(
      [...drawn].sort((a, b) => a - b),
      [-2, -1, 0, 1, 2, 3],
    );
  });

  it("draws normal numbers of mean 0 and variance 1", () => {
    const random = Random.of("normal");
    const values = Array.from({ length: 100_000 }, () => random.normal());
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    assert.closeTo(mean, 0, 0.016);
    assert.closeTo(variance, 1, 0.023);
  });

  it("shuffles into every order equally often and leaves the list unchanged", () => {
    const random = Random.of("shuffle");
    const list = [1, 2, 3];
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = random.shuffle(list).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assert.deepStrictEqual(list, [1, 2, 3]);
    assert.strictEqual(counts.size, 6);
    for (const count of counts.values())
      assert.isBelow(Math.abs(count - 1000), 5 * Math.sqrt((6000 * 5) / 36));
  });
});

describe("normalQuantile", () => {
  it("matches tabulated values", () => {
    assert.closeTo(normalQuantile(0.5), 0, 1e-12);
    assert.closeTo(normalQuantile(0.975), 1.959963984540054, 1e-8);
    assert.closeTo(normalQuantile(0.001), -3.090232306167813, 1e-8);
    assert.closeTo(normalQuantile(0.02425), -normalQuantile(1 - 0.02425), 1e-8);
  });
});
