/**
 * What an H.264 access unit in Annex B says of itself (ITU-T H.264, 7.3.1 and Annex B): enough to know where a decoder
 * can begin, and which one it has to be. Pure.
 */
const TYPE_IDR = 5;
const TYPE_SPS = 7;

/** Where each unit begins, after its start code. */
function* unitsIn(accessUnit: Uint8Array): Generator<Uint8Array> {
  const bytes = Buffer.from(accessUnit.buffer, accessUnit.byteOffset, accessUnit.byteLength);
  const START = Buffer.from([0, 0, 1]);
  for (let at = bytes.indexOf(START); at !== -1; at = bytes.indexOf(START, at + 3)) yield bytes.subarray(at + 3);
}

function typeOf(unit: Uint8Array): number {
  return (unit[0] ?? 0) & 0x1f;
}

/** Whether a decoder that knows nothing yet can begin here. */
export function isKeyUnit(accessUnit: Uint8Array): boolean {
  for (const unit of unitsIn(accessUnit)) if (typeOf(unit) === TYPE_IDR) return true;
  return false;
}

/** `avc1.42c01e`: profile, constraints and level of its parameter set (RFC 6381), or null when it brings none. */
export function codecOf(accessUnit: Uint8Array): string | null {
  for (const unit of unitsIn(accessUnit))
    if (typeOf(unit) === TYPE_SPS && unit.length >= 4)
      return `avc1.${Buffer.from(unit.subarray(1, 4)).toString('hex')}`;
  return null;
}
