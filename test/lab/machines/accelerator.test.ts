import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { canRunGuests } from '../../../lab/machines/accelerator.ts';
import { QEMU } from '../../../lab/machines/qemu.ts';
import { findProgram } from '../../../src/io/programs.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const isHere = (await findProgram(QEMU)) !== null;

afterEach(() => vi.unstubAllEnvs());

test('a guest of one sector ends an emulating QEMU', async ({ skip }) => {
  skip(!isHere, `there is no ${QEMU} on this machine`);
  expect(await canRunGuests('tcg')).toBe(true);
});

describe('no guest runs', () => {
  test.each([
    ['a QEMU that ends by itself', 'exit 0'],
    ['a QEMU that is ended', 'kill -ABRT $$'],
  ])('under %s', async (_what, does) => {
    const folder = tempFolder();
    await writeFile(join(folder, QEMU), `#!/bin/sh\n${does}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
    expect(await canRunGuests('kvm')).toBe(false);
  });
});
