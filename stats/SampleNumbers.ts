/** The sample numbers of a group that have occurred. Numbers in ascending order, as files have them, take no memory. */
export class SampleNumbers {
  /** All numbers below it have occurred. */
  private next = 0;
  private readonly beyond = new Set<number>();

  /** Whether the number is new. */
  add(sample: number): boolean {
    if (sample < this.next || this.beyond.has(sample)) return false;
    if (sample > this.next) this.beyond.add(sample);
    else this.next += 1;
    while (this.beyond.delete(this.next)) this.next += 1;
    return true;
  }
}
