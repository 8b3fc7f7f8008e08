import type { Part } from './part.ts';

/** Every part that the lab has. A name that is not here is told to whoever asks for it. */
export const PARTS: readonly Part[] = [];
