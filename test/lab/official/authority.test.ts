import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { ensureKey, expiredCopy, signFile, signRelease } from '../../../lab/official/archive-key.ts';
import { ensureAuthority } from '../../../lab/official/authority.ts';
import { tempFolder } from '../../support/temp-folder.ts';

test('the authority of a cache is made once, by whoever asks first', async () => {
  const cache = tempFolder();
  const [one, other] = await Promise.all([ensureAuthority(cache), ensureAuthority(cache)]);
  expect(one.certificatePem).toBe(other.certificatePem);
  const key = join(cache, 'official/authority/authority-key.pem');
  expect((await stat(key)).mode & 0o777).toBe(0o600);
  expect((await ensureAuthority(tempFolder())).certificatePem).not.toBe(one.certificatePem);
});

test("its certificates hold by OpenSSL's strict rules, for their own host alone", async () => {
  const cache = tempFolder();
  const authority = await ensureAuthority(cache);
  const file = join(cache, 'leaf.pem');
  await writeFile(file, (await authority.leaf('download.docker.com')).certificatePem);
  const verify = async (host: string): Promise<number | undefined> =>
    (
      await execa(
        'openssl',
        [
          'verify',
          '-x509_strict',
          '-purpose',
          'sslserver',
          '-verify_hostname',
          host,
          '-CAfile',
          authority.certificateFile,
          file,
        ],
        { reject: false },
      )
    ).exitCode;
  expect(await verify('download.docker.com')).toBe(0);
  expect(await verify('nvidia.github.io')).not.toBe(0);
  expect(await authority.leaf('download.docker.com')).toBe(await authority.leaf('download.docker.com'));
});

/** What gpg says of a signature by a key that is all it has. */
async function verified(folder: string, publicKey: string, args: readonly string[]): Promise<string> {
  await writeFile(join(folder, 'key.asc'), publicKey);
  const gpg = ['--homedir', folder, '--batch', '--no-tty'];
  await execa('gpg', [...gpg, '--import', join(folder, 'key.asc')]);
  const { stdout } = await execa('gpg', [...gpg, '--status-fd', '1', '--verify', ...args], { reject: false });
  await execa('gpgconf', ['--homedir', folder, '--kill', 'all']);
  return stdout;
}

test('each signer has a key, kept in the cache, whose signatures gpg takes', async () => {
  const [cache, folder] = [tempFolder(), tempFolder()];
  const [key, again, other] = await Promise.all([
    ensureKey(cache, 'docker'),
    ensureKey(cache, 'docker'),
    ensureKey(cache, 'amazon-ecs'),
  ]);
  expect(again.fingerprint).toBe(key.fingerprint);
  expect(other.fingerprint).not.toBe(key.fingerprint);
  expect((await stat(key.secretKeyFile)).mode & 0o777).toBe(0o600);
  const [file, signature, release] = ['file', 'file.asc', 'InRelease'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(file, 'content');
  await writeFile(signature, await signFile(key, file, 'armored'));
  await writeFile(release, (await signRelease(key, 'Origin: x\n')).inRelease);
  const name = 'ecs-host lab stand-in (Docker)';
  expect(await verified(folder, key.publicKey, [signature, file])).toMatch(
    `GOODSIG ${key.fingerprint.slice(-16)} ${name}`,
  );
  expect(await verified(folder, key.publicKey, [release])).toContain(`VALIDSIG ${key.fingerprint}`);
});

test('a copy that expired is the same key, and gpg says what is wrong with it', async () => {
  const [cache, folder] = [tempFolder(), tempFolder()];
  const key = await ensureKey(cache, 'aws-cli');
  const file = join(folder, 'file');
  await writeFile(file, 'content');
  await writeFile(`${file}.sig`, await signFile(key, file, 'binary'));
  const said = await verified(folder, await expiredCopy(key), [`${file}.sig`, file]);
  expect(said).toContain(`EXPKEYSIG ${key.fingerprint.slice(-16)}`);
  expect(said).toContain(`VALIDSIG ${key.fingerprint}`);
});
