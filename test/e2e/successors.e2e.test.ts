import { afterAll, beforeAll, test } from 'vitest';
import { type LabHandle, startLabForTests } from './lab-handle.ts';
import { proveGpuImage } from './proved-gpu-image.ts';
import { FRESH_MS } from './proved-image.ts';

/** Profiles for the successors of G3, one for each of Ubuntu's later releases. */
let lab: LabHandle;

beforeAll(async () => {
  lab = await startLabForTests();
});
afterAll(async () => {
  await lab?.down();
});

test.each(['g4dn-jammy', 'g6-noble'])('%s is baked and proved', { timeout: FRESH_MS }, async (profile) => {
  await proveGpuImage(lab, profile);
});
