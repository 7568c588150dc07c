import { normalQuantile } from "./normalQuantile.ts";

/** A 32-bit hash of a text: FNV-1a with murmur's final avalanche, so that even the low bits are well mixed. */
export const hash32 = (text: string, basis = 0x811c9dc5): number => {
  let h = basis;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

/**
 * A seeded stream of random numbers: sfc32 (Doty-Humphrey, PractRand), which is fast on 32-bit integers and equal on every
 * machine. Streams of different parts are independent: a stream named (seed, split, index) does not depend on earlier draws
 * from others.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  private constructor(a: number, b: number, c: number) {
    this.a = a;
    this.b = b;
    this.c = c;
  }

  static of(...parts: ReadonlyArray<string | number>): Random {
    // JSON keeps ("a", "b") apart from ("ab") and 1 from "1".
    const name = JSON.stringify(parts);
    const random = new Random(hash32(name), hash32(name, 0x9e3779b9), hash32(name, 0x7f4a7c15));
    for (let i = 0; i < 15; i++) random.bits();
    return random;
  }

  /** An integer in 0 .. 2^32 - 1. */
  bits(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** A number in [from, to). */
  uniform(from = 0, to = 1): number {
    return from + (to - from) * (this.bits() / 2 ** 32);
  }

  /** An integer in from .. to, both included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.uniform() * (to - from + 1));
  }

  /** A standard normal number. */
  normal(): number {
    return normalQuantile((this.bits() + 0.5) / 2 ** 32);
  }

  /** One element of a non-empty list. */
  pick<A>(items: ReadonlyArray<A>): A {
    return items[this.integer(0, items.length - 1)] as A;
  }

  /** A shuffled copy (Fisher-Yates). */
  shuffle<A>(items: ReadonlyArray<A>): Array<A> {
    const copy = [...items];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      const kept = copy[i] as A;
      copy[i] = copy[j] as A;
      copy[j] = kept;
    }
    return copy;
  }
}
