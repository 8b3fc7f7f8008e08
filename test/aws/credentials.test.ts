import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findCredentials } from '../../src/aws/clients.ts';
import { tempFolder } from '../support/temp-folder.ts';

const AWS = { apiRegion: 'us-east-2', endpointUrl: null };

beforeEach(async () => {
  const folder = tempFolder();
  await writeFile(join(folder, 'config'), '[profile half]\nsso_start_url = https://x.awsapps.com/start\n');
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
});
afterEach(() => vi.unstubAllEnvs());

test('a lab is never handed real credentials', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'very-secret');
  expect(await findCredentials({ ...AWS, endpointUrl: 'http://127.0.0.1:1' })).toMatchObject({ accessKeyId: 'lab' });
  expect(await findCredentials(AWS)).toMatchObject({ accessKeyId: 'AKIDEXAMPLE' });
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
