import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requireSha256 } from '../../provisioners/lib/download.ts';
import { primaryFingerprints, requireKey, requireSignature, signatureProblem } from '../../provisioners/lib/gpg.ts';
import { ask, tool } from '../../provisioners/lib/tool.ts';
import { officialTrust } from '../../src/plan/trust.ts';
import { sharedTempFolder, tempFolder } from '../support/temp-folder.ts';

const FOCAL = officialTrust({
  docker: { source: 'docker-ce', version: null, insecureRegistries: [] },
  nvidia: null,
  ecsAgent: { source: 'aws', package: '', sha256: null },
  userTools: { awsCli: { source: 'aws', version: null } },
});
const ECS = 'F34C3DDAE72926B079BEAEC6BCE9D9A42D51784F';
const AWS_CLI = 'FB5DB77FD5C118B80511ADA8A6310ACC4672475C';
const hasGpg = (await ask`gpg --version`).exitCode === 0;

describe('what gpg says', () => {
  const signedAtS = 1_704_844_493;
  const subkey = 'D64BB6F90CF377E9B5FB346F50DECCC4710E61AF';
  const valid = `[GNUPG:] VALIDSIG ${subkey} 2024-01-09 ${signedAtS} 0 4 0 1 8 00 ${ECS}`;
  const good = '[GNUPG:] GOODSIG 50DECCC4710E61AF Amazon ECS <ecs-security@amazon.com>';

  test('counts by the primary key, whichever subkey signed', () => {
    expect(signatureProblem(`${good}\n${valid}\n`, ECS)).toBeNull();
    expect(signatureProblem(`${good}\n${valid}\n`, AWS_CLI)).toBe('no signature');
  });

  test.each([
    ['BADSIG 50DECCC4710E61AF x', 'another content'],
    ['REVKEYSIG 50DECCC4710E61AF x', 'revoked'],
    ['ERRSIG 50DECCC4710E61AF 1 8 00 0 4', 'cannot be checked'],
    ['ERRSIG 50DECCC4710E61AF 1 8 00 0 9\n[GNUPG:] NO_PUBKEY 50DECCC4710E61AF', 'another key'],
    ['EXPSIG 50 x', 'has expired'],
  ])('%s is no signature, and says why', (word, why) => {
    expect(signatureProblem(`[GNUPG:] ${word}\n${valid}\n`, ECS)).toContain(why);
  });

  test.each([
    ['before its key expired, which it did since', 1, null],
    ['after its key had expired', -1, 'expired on 2024-01-09, and signed on 2024-01-09'],
  ])('%s', (_when, laterS, expected) => {
    const expired = `[GNUPG:] KEYEXPIRED ${signedAtS + laterS}\n[GNUPG:] EXPKEYSIG 50DECCC4710E61AF x`;
    const problem = signatureProblem(`${expired}\n${valid}\n`, ECS);
    if (expected === null) expect(problem).toBeNull();
    else expect(problem).toContain(expected);
  });

  test('does not count when a file name says it', () => {
    expect(signatureProblem(`gpg: file "${valid}"\n`, ECS)).toBe('no signature');
    expect(signatureProblem('', ECS)).toBe('no signature');
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

  test('the keys of a plan are the pinned ones', async (context) => {
    if (!hasGpg) context.skip('gpg is not installed');
    for (const pinned of [FOCAL.ecsAgent, FOCAL.awsCli]) {
      const file = join(folder, 'official.asc');
      await writeFile(file, pinned?.key ?? '');
      await requireKey(file, pinned?.fingerprint ?? '');
      await expect(requireKey(file, fingerprint)).rejects.toThrow('is pinned');
    }
    expect(FOCAL).toMatchObject({ ecsAgent: { fingerprint: ECS }, awsCli: { fingerprint: AWS_CLI } });
  });

  test('accepts a signature by the pinned key, and nothing else', async (context) => {
    if (!hasGpg) context.skip('gpg is not installed');
    const pinned = { fingerprint, key: await readFile(join(folder, 'key.asc'), 'utf8') };
    const signed = { file: join(folder, 'file'), signature: join(folder, 'file.asc'), pinned };
    await requireSignature(signed);
    await expect(requireSignature({ ...signed, file: join(folder, 'other') })).rejects.toThrow(
      `is not signed by ${fingerprint}: the signature is of another content`,
    );
    const another = { fingerprint: ECS, key: FOCAL.ecsAgent?.key ?? '' };
    await expect(requireSignature({ ...signed, pinned: another })).rejects.toThrow(`by ${ECS}: another key signed it`);
    await expect(requireSignature({ ...signed, pinned: { ...pinned, fingerprint: ECS } })).rejects.toThrow('is pinned');
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
