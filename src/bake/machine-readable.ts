import { StringDecoder } from 'node:string_decoder';

/** One record of `packer -machine-readable`: `timestamp,target,category,data...`. */
export type MachineLine = {
  readonly timestamp: number;
  readonly target: string;
  readonly category: string;
  /** Commas and line ends restored. */
  readonly data: readonly string[];
  /**
   * Only commas restored. Packer escapes line ends but not the backslash, so `\n` inside JSON that a provisioner
   * printed cannot be told from an escaped line end: whoever parses JSON out of a line needs this form.
   */
  readonly rawData: readonly string[];
};

function restoreCommas(text: string): string {
  return text.replaceAll('%!(PACKER_COMMA)', ',');
}
function restoreLineEnds(text: string): string {
  return text.replaceAll('\\r', '\r').replaceAll('\\n', '\n');
}

/**
 * @returns null for a line that is no record (a panic, a warning of the Go runtime): such lines are kept in the raw log
 * only.
 */
export function parseMachineLine(line: string): MachineLine | null {
  const [time, target, category, ...fields] = line.split(',');
  if (time === undefined || target === undefined || category === undefined || !/^\d+$/.test(time)) return null;
  const rawData = fields.map(restoreCommas);
  return { timestamp: Number(time), target, category, rawData, data: rawData.map(restoreLineEnds) };
}

/** Takes the stream in whatever pieces it comes: a piece may end inside a line, an escape or a multi-byte character. */
export function createMachineReadableParser(): {
  push(chunk: Uint8Array): MachineLine[];
  /** What was left without a line end (packer was killed in the middle of a write). */
  end(): MachineLine[];
} {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const take = (text: string): MachineLine[] => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    return lines.flatMap((line) => parseMachineLine(line.replace(/\r$/, '')) ?? []);
  };
  return {
    push: (chunk) => take(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))),
    end: () => {
      const last = take(`${decoder.end()}\n`);
      rest = '';
      return last;
    },
  };
}
