/** A pair of bytes that lies at an even place is within every literal that is this long. */
const SHORTEST = 3;

/** Most of what belongs to no file: passed over as fast as memory is read. */
const ZEROS = Buffer.alloc(32 * 1024);

/** Calls back with which literal begins where; two may begin at one place. Places of one literal go up. */
type OnHit = (literal: number, at: number) => void;

/** A literal that has the pair, and how far behind its beginning. */
type Candidate = { readonly literal: number; readonly bytes: Buffer; readonly back: number };

/**
 * Finds many literals in one pass that looks at pairs of bytes: of each literal either the first two bytes or the two
 * from its second one on are at an even place. A search for each literal alone would take as many passes as there are.
 */
export class LiteralSearch {
  readonly #candidates: (readonly Candidate[])[] = [[]];
  /** By pair, little-endian: which of the candidates; 0 for none. */
  readonly #ofPair = new Uint16Array(65536);

  constructor(literals: readonly string[]) {
    for (const [literal, text] of literals.entries()) {
      const bytes = Buffer.from(text, 'latin1');
      if (bytes.length < SHORTEST) throw new Error(`a literal of ${bytes.length} bytes is everywhere`);
      for (const back of [1, 0]) this.#add(bytes.readUInt16LE(back), { literal, bytes, back });
    }
  }

  search(bytes: Buffer, onHit: OnHit): void {
    const even = bytes.byteOffset % 2 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
    const pairs = new Uint16Array(even.buffer, even.byteOffset, even.length >>> 1);
    for (let from = 0; from < bytes.length; from += ZEROS.length) {
      const part = even.subarray(from, from + ZEROS.length);
      if (part.equals(part.length === ZEROS.length ? ZEROS : ZEROS.subarray(0, part.length))) continue;
      this.#searchPairs(even, pairs, { from: from / 2, to: Math.min((from + ZEROS.length) / 2, pairs.length) }, onHit);
    }
  }

  /** Four pairs at a time: nearly always none of them is of a literal. */
  #searchPairs(bytes: Buffer, pairs: Uint16Array, { from, to }: { from: number; to: number }, onHit: OnHit): void {
    const ofPair = this.#ofPair;
    const of = (at: number) => ofPair[pairs[at] as number] as number;
    for (let at = from; at < to; at += 4) {
      if (at + 4 <= to && (of(at) | of(at + 1) | of(at + 2) | of(at + 3)) === 0) continue;
      for (let each = at; each < Math.min(at + 4, to); each += 1)
        if (of(each) !== 0) this.#verify(bytes, each * 2, of(each), onHit);
    }
  }

  #add(pair: number, candidate: Candidate): void {
    const known = this.#ofPair[pair] as number;
    if (known !== 0) {
      this.#candidates[known] = [...(this.#candidates[known] ?? []), candidate];
      return;
    }
    this.#ofPair[pair] = this.#candidates.length;
    this.#candidates.push([candidate]);
  }

  #verify(bytes: Buffer, pairAt: number, candidates: number, onHit: OnHit): void {
    for (const { literal, bytes: expected, back } of this.#candidates[candidates] ?? []) {
      const at = pairAt - back;
      let same = at < 0 ? -1 : 0;
      while (same >= 0 && same < expected.length && bytes[at + same] === expected[same]) same += 1;
      if (same === expected.length) onHit(literal, at);
    }
  }
}
