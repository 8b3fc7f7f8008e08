import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requireSha256 } from '../../provisioners/lib/download.ts';
import { isSignedBy, primaryFingerprints, requireKey, requireSignature } from '../../provisioners/lib/gpg.ts';
import { ask, tool } from '../../provisioners/lib/tool.ts';
import { sharedTempFolder, tempFolder } from '../support/temp-folder.ts';

const KEYS = join(import.meta.dirname, '../../packer/rootfs/usr/share/ecs-host/keys');
const ECS = 'F34C3DDAE72926B079BEAEC6BCE9D9A42D51784F';
const AWS_CLI = 'FB5DB77FD5C118B80511ADA8A6310ACC4672475C';
const hasGpg = (await ask`gpg --version`).exitCode === 0;

describe('what gpg says', () => {
  const valid = `[GNUPG:] VALIDSIG D64BB6F90CF377E9B5FB346F50DECCC4710E61AF 2024-01-09 1704844493 0 4 0 1 8 00 ${ECS}`;
  const good = '[GNUPG:] GOODSIG 50DECCC4710E61AF Amazon ECS <ecs-security@amazon.com>';

  test('counts by the primary key, whichever subkey signed', () => {
    expect(isSignedBy(`${good}\n${valid}\n`, ECS)).toBe(true);
    expect(isSignedBy(`${good}\n${valid}\n`, AWS_CLI)).toBe(false);
  });

  test.each([
    'BADSIG 50DECCC4710E61AF x',
    'REVKEYSIG 50DECCC4710E61AF x',
    'ERRSIG 50DECCC4710E61AF 1 8 00 0 9',
    'EXPSIG 50 x',
  ])('%s is no signature', (word) => {
    expect(isSignedBy(`[GNUPG:] ${word}\n${valid}\n`, ECS)).toBe(false);
  });

  test('counts when only our copy of the key is too old', () => {
    expect(isSignedBy(`[GNUPG:] EXPKEYSIG 50DECCC4710E61AF x\n${valid}\n`, ECS)).toBe(true);
  });

  test('does not count when a file name says it', () => {
    expect(isSignedBy(`gpg: file "${valid}"\n`, ECS)).toBe(false);
    expect(isSignedBy('', ECS)).toBe(false);
  });

  test('about keys: the primary ones', () => {
    expect(primaryFingerprints('pub:u:4096:1:AB:\nfpr:::::::::AAAA:\nsub:u:4096:1:CD:\nfpr:::::::::BBBB:\n')).toEqual([
      'AAAA',
    ]);
  });
});

describe('with gpg itself', () => {
  const folder = sharedTempFolder();
  let fingerprint = '';
  beforeAll(async () => {
    if (!hasGpg) return;
    const gpg = ['--homedir', folder, '--batch', '--yes', '--passphrase', ''];
    await tool`gpg ${gpg} --quick-generate-key ${'Somebody <somebody@example.com>'} ed25519 sign never`;
    const { stdout } = await tool`gpg ${gpg} --with-colons --list-keys`;
    fingerprint = primaryFingerprints(stdout)[0] ?? '';
    await writeFile(join(folder, 'file'), 'content');
    await writeFile(join(folder, 'other'), 'another content');
    await tool`gpg ${gpg} --armor --output ${join(folder, 'key.asc')} --export ${fingerprint}`;
    await tool`gpg ${gpg} --armor --output ${join(folder, 'file.asc')} --detach-sign ${join(folder, 'file')}`;
  }, 30_000);
  afterAll(async () => {
    if (!hasGpg) return;
    await ask`gpgconf --homedir ${folder} --kill all`;
  });

  test('the carried keys are the pinned ones', async (context) => {
    if (!hasGpg) context.skip('gpg is not installed');
    await requireKey(join(KEYS, 'amazon-ecs.asc'), ECS);
    await requireKey(join(KEYS, 'aws-cli.asc'), AWS_CLI);
    await expect(requireKey(join(KEYS, 'aws-cli.asc'), ECS)).rejects.toThrow('is pinned');
  });

  test('accepts a signature by the pinned key, and nothing else', async (context) => {
    if (!hasGpg) context.skip('gpg is not installed');
    const signed = { signature: join(folder, 'file.asc'), keyFile: join(folder, 'key.asc'), fingerprint };
    await requireSignature({ ...signed, file: join(folder, 'file') });
    await expect(requireSignature({ ...signed, file: join(folder, 'other') })).rejects.toThrow('is not signed by');
    const another = {
      file: join(folder, 'file'),
      signature: signed.signature,
      keyFile: join(KEYS, 'amazon-ecs.asc'),
      fingerprint: ECS,
    };
    await expect(requireSignature(another)).rejects.toThrow('is not signed by');
    await expect(requireSignature({ ...signed, file: join(folder, 'file'), fingerprint: ECS })).rejects.toThrow(
      'is pinned',
    );
  });
});

describe('sha256', () => {
  test('of another file is refused, and the file is gone', async () => {
    const file = join(tempFolder(), 'x');
    await writeFile(file, 'x');
    await requireSha256(file, '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881');
    await expect(requireSha256(file, '0'.repeat(64))).rejects.toThrow('is pinned');
    await expect(requireSha256(file, '0'.repeat(64))).rejects.toThrow('ENOENT');
  });
});
