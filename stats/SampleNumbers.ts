/** Which samples of a group have come. In their order, as they are written, they take no memory. */
export class SampleNumbers {
  /** All below it have come. */
  #next = 0;
  readonly #beyond = new Set<number>();

  /** False where it has come before. */
  add(sample: number): boolean {
    if (sample < this.#next || this.#beyond.has(sample)) return false;
    if (sample > this.#next) this.#beyond.add(sample);
    else this.#next += 1;
    while (this.#beyond.delete(this.#next)) this.#next += 1;
    return true;
  }
}
