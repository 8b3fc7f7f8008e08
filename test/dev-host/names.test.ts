import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkNames, freeName } from '../../src/dev-host/name.ts';
import { findUser, userOfArn } from '../../src/dev-host/user.ts';

describe('names', () => {
  test('that may be', () => {
    expect(() => checkNames(['a', 'dev', 'gpu-2', `a${'b'.repeat(29)}`])).not.toThrow();
  });

  test.each(['', 'Dev', '2dev', 'dev-', 'dev_1', 'dev.x', '-dev', `a${'b'.repeat(30)}`, 'dév', 'a b', '$(id)'])(
    'that may not be: "%s"',
    (name) => {
      expect(() => checkNames([name])).toThrow(expect.objectContaining({ code: 'DEV_HOST_NAME' }));
    },
  );

  test('one that is given twice', () => {
    expect(() => checkNames(['a', 'b', 'a'])).toThrow(/a is named twice/);
  });

  test('the first that is free', () => {
    expect(freeName([])).toBe('dev');
    expect(freeName(['dev', 'dev-2', 'x'])).toBe('dev-3');
    expect(freeName(['dev-2'])).toBe('dev');
  });
});

test.each([
  ['arn:aws:iam::123456789012:user/alice', 'alice'],
  ['arn:aws:iam::123456789012:user/team/alice', 'alice'],
  ['arn:aws:sts::123456789012:assumed-role/Admin/alice@example.com', 'alice@example.com'],
  ['arn:aws:sts::123456789012:federated-user/bob', 'bob'],
  ['arn:aws:iam::123456789012:root', 'root'],
  ['', ''],
])('%s is %s', (arn, user) => {
  expect(userOfArn(arn)).toBe(user);
});

describe('whose hosts they are', () => {
  const lab = { apiRegion: 'us-west-2', endpointUrl: 'http://127.0.0.1:1' };
  const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
  beforeEach(() => {
    vi.stubEnv('ECS_HOST_OWNER', '');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('in the lab by the name on this machine, without asking anybody', async () => {
    expect(await findUser(lab, credentials)).toMatch(/^\w/);
  });

  test('ECS_HOST_OWNER wins, and has to be a name', async () => {
    vi.stubEnv('ECS_HOST_OWNER', 'team-a');
    expect(await findUser(lab, credentials)).toBe('team-a');
    for (const bad of ['a*', 'a b', 'a/b', 'x'.repeat(65), 'é']) {
      vi.stubEnv('ECS_HOST_OWNER', bad);
      await expect(findUser(lab, credentials)).rejects.toMatchObject({ code: 'OWNER_NAME' });
    }
  });
});
