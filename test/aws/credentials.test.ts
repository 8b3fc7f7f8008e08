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
