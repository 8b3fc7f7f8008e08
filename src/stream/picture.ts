/** Judging decoded pictures: gray, one byte a pixel. Pure. */

/** Video black is 16; noise and compression stay below this mean. */
const BLACK_MEAN = 24;
/** A picture with no structure at all, whatever its brightness, shows nothing either. */
const FLAT_VARIANCE = 4;
/** Mean absolute difference, in gray steps, from which two pictures differ. */
const CHANGED_MEAN = 0.5;

export function brightness(picture: Uint8Array): { mean: number; variance: number } {
  let sum = 0;
  let squares = 0;
  for (const value of picture) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / picture.length;
  return { mean, variance: squares / picture.length - mean * mean };
}

export function isBlack(picture: Uint8Array): boolean {
  const { mean, variance } = brightness(picture);
  return mean < BLACK_MEAN || variance < FLAT_VARIANCE;
}

export function isDifferent(a: Uint8Array, b: Uint8Array): boolean {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += Math.abs((a[index] ?? 0) - (b[index] ?? 0));
  return sum / a.length >= CHANGED_MEAN;
}
