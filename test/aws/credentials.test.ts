import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createClients, findCredentials } from '../../src/aws/clients.ts';
import { tempFolder } from '../support/temp-folder.ts';

const AWS = { apiRegion: 'us-east-2', endpointUrl: null };

beforeEach(async () => {
  const folder = tempFolder();
  await writeFile(join(folder, 'config'), '[profile half]\nsso_start_url = https://x.awsapps.com/start\n');
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

test('a lab is never handed real credentials', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'very-secret');
  const ofLab = await findCredentials({ ...AWS, endpointUrl: 'http://127.0.0.1:1' });
  expect(await ofLab()).toMatchObject({ accessKeyId: 'lab' });
  const ofAws = await findCredentials(AWS);
  expect(await ofAws()).toMatchObject({ accessKeyId: 'AKIDEXAMPLE' });
});

/** What `aws sso login`, a role or a credential process does for somebody: keys that are others each time. */
async function processOf(expiresInMs: number): Promise<string> {
  const folder = tempFolder();
  const counter = join(folder, 'counter');
  const program = join(folder, 'keys.sh');
  const ends = new Date(Date.now() + expiresInMs).toISOString();
  const answer = `{"Version":1,"AccessKeyId":"ASIA$n","SecretAccessKey":"s","SessionToken":"t","Expiration":"${ends}"}`;
  await writeFile(
    program,
    `n=$(($(cat ${counter} 2>/dev/null || echo 0) + 1)); echo $n > ${counter}\n` +
      `[ -e ${folder}/broken ] && exit 1\ncat <<END\n${answer}\nEND\n`,
  );
  await writeFile(join(folder, 'config'), `[profile p]\ncredential_process = sh ${program}\n`);
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
  vi.stubEnv('AWS_PROFILE', 'p');
  return folder;
}

test('keys are asked for again: what a run began with is not what it ends with', async () => {
  await processOf(600_000);
  const keys = await findCredentials(AWS);
  expect((await keys()).accessKeyId).toBe('ASIA2');
  expect((await keys()).accessKeyId).toBe('ASIA3');
});

test.each<[string, Record<string, string>, object]>([
  ['of a user', {}, { endsAt: null, isTemporary: false, isRenewed: true }],
  ['of a session', { AWS_SESSION_TOKEN: 't' }, { endsAt: null, isTemporary: true, isRenewed: false }],
  [
    'of a session that says when it ends',
    { AWS_SESSION_TOKEN: 't', AWS_CREDENTIAL_EXPIRATION: '2030-01-01T00:00:00Z' },
    { endsAt: new Date('2030-01-01T00:00:00Z'), isTemporary: true, isRenewed: false },
  ],
])('what is known of how long keys of the environment live: %s', async (_whose, variables, life) => {
  const all = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'very-secret', ...variables };
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value);
  expect((await (await findCredentials(AWS))()).life).toEqual(life);
});

test('keys of a credential process are renewed, those of a session in a file are not', async () => {
  await processOf(600_000);
  expect((await (await findCredentials(AWS))()).life).toMatchObject({ isTemporary: true, isRenewed: true });
  const file = join(tempFolder(), 'credentials');
  await writeFile(file, '[p]\naws_access_key_id = a\naws_secret_access_key = b\naws_session_token = c\n');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  expect((await (await findCredentials(AWS))()).life).toMatchObject({ isTemporary: true, isRenewed: false });
});

test('a client asks again before its keys end', async () => {
  await processOf(60_000);
  const { ec2, destroy } = createClients(AWS, await findCredentials(AWS));
  const first = await ec2.config.credentials();
  expect((await ec2.config.credentials()).accessKeyId).not.toBe(first.accessKeyId);
  destroy();
});

test('when no new keys can be had, those that still live are used, and dead ones are not', async () => {
  const folder = await processOf(600_000);
  const keys = await findCredentials(AWS);
  await writeFile(join(folder, 'broken'), '');
  expect((await keys()).accessKeyId).toBe('ASIA1');
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 700_000 });
  await expect(keys()).rejects.toThrow();
});

test('keys without an end are looked at again after a while', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'very-secret');
  const { expiration } = await (await findCredentials(AWS))();
  expect(expiration?.getTime()).toBeGreaterThan(Date.now());
});

test.each([
  ['nosuch', 'Could not resolve credentials using profile: [nosuch]'],
  ['half', 'Profile is configured with invalid SSO credentials'],
])('AWS_PROFILE=%s: the reason of the SDK is told', async (profile, reason) => {
  vi.stubEnv('AWS_PROFILE', profile);
  await expect(findCredentials(AWS)).rejects.toMatchObject({
    kind: 'user',
    code: 'CREDENTIALS_UNUSABLE',
    message: expect.stringContaining(reason),
    hint: expect.stringContaining(profile),
  });
});

test('without any, the lab is named', async () => {
  await expect(findCredentials(AWS)).rejects.toMatchObject({
    kind: 'user',
    code: 'CREDENTIALS_MISSING',
    hint: expect.stringContaining('the lab, which needs no account'),
  });
});
