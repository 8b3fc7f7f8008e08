/** Lanes run side by side and are read one after the other: what one prints before its turn waits for it. */
export class LaneOutput {
  /** Whether nothing ever has to wait. */
  readonly isFirst: boolean;
  readonly #out: { write(text: string | Buffer): unknown };
  #waiting: (string | Buffer)[] | null;

  constructor(isFirst: boolean, out: { write(text: string | Buffer): unknown }) {
    this.isFirst = isFirst;
    this.#out = out;
    this.#waiting = isFirst ? null : [];
  }

  write(text: string | Buffer): void {
    if (this.#waiting === null) this.#out.write(text);
    else this.#waiting.push(text);
  }

  /** Its turn has come. */
  begin(): void {
    for (const text of this.#waiting ?? []) this.#out.write(text);
    this.#waiting = null;
  }
}
