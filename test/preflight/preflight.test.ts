import { expect, test } from 'vitest';
import { outsideError, userError } from '../../src/io/errors.ts';
import type { Message } from '../../src/io/reporter.ts';
import { lookAtAll, preflight } from '../../src/preflight/preflight.ts';
import { type Call, fakeClients } from '../run/fake-clients.ts';
import { type Change, itemsOf, preflightWith, refuse, silence } from './world.ts';

const QUICK = { subject: { isLab: true } };

/** Everything that can be missing, is. */
const NOTHING = {
  GetCallerIdentity: refuse('ExpiredToken'),
  GetInstanceProfile: refuse('NoSuchEntityException'),
  GetServiceQuota: () => ({ Quota: { Value: 0 } }),
  DescribeSecurityGroups: () => ({ SecurityGroups: [{ GroupName: 'hosts' }] }),
};

function notFound(): Promise<never> {
  return Promise.reject(
    userError('SEVERAL_MISSING', '2 things are missing.', 'x', [
      { code: 'IMAGE_NOT_FOUND', reason: 'No base image.', hint: 'correct it' },
      { code: 'SECURITY_GROUP_NOT_FOUND', reason: 'No group.', hint: 'bootstrap' },
    ]),
  );
}

async function run(taught: Parameters<typeof preflightWith>[0], change: Change) {
  const messages: Message[] = [];
  const given = preflightWith(taught, change);
  const error = await preflight(given, { emit: (message) => void messages.push(message), close: async () => {} }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return { error, messages, calls: given.calls };
}

function isRead({ command }: Call): boolean {
  return /^(Describe|Get|Simulate)/.test(command);
}

test('everything that is missing is one report with each fix, and nothing was changed', async () => {
  const ending = { endsAt: new Date(Date.now() + 60_000), isTemporary: true, isRenewed: false };
  const needs = [{ name: 'packer', what: 'builds', fix: '`make setup`', find: async () => null }];
  const keys = async () => ({ accessKeyId: 'a', secretAccessKey: 'b', life: ending });
  const { error, calls } = await run(NOTHING, { ...QUICK, keys, needs, found: notFound() });
  expect(error).toMatchObject({ kind: 'user', code: 'PREFLIGHT_FAILED' });
  const { details } = error as { details: { key: string; code?: string; hint: string }[] };
  expect(details.map(({ key }) => key)).toEqual([
    'base image',
    'security group',
    'caller identity',
    'life of the credentials',
    'instance profile ecs-host',
    'vCPU quota',
    'program packer',
    "the workload's ports",
  ]);
  expect(details.slice(0, 2).map(({ code }) => code)).toEqual(['IMAGE_NOT_FOUND', 'SECURITY_GROUP_NOT_FOUND']);
  for (const { key, hint } of details) expect(hint, key).not.toBe('');
  expect(calls.length).toBeGreaterThan(0);
  expect(calls.filter((call) => !isRead(call))).toEqual([]);
});

test('what could not be looked at is a warning, and stops nothing', async () => {
  const { error, messages } = await run({ GetServiceQuota: refuse('AccessDeniedException') }, QUICK);
  expect(error).toBeNull();
  expect(messages).toMatchObject([
    { type: 'warning', code: 'PREFLIGHT_UNCHECKED', text: expect.stringContaining('servicequotas:GetServiceQuota') },
  ]);
  expect((await run({}, QUICK)).messages).toEqual([]);
});

test('a mistake that planning alone names, such as a subnet, is an item of its own', async () => {
  const found = Promise.reject(userError('SUBNET_NOT_FOUND', 'vpc-1 has no subnet.', 'create one'));
  expect(await itemsOf({}, { ...QUICK, found })).toContainEqual(
    expect.objectContaining({ name: 'subnet', status: 'missing', found: 'vpc-1 has no subnet', fix: 'create one' }),
  );
  const other = Promise.reject(userError('PLAN_STALE', 'Gone.', 'plan again'));
  expect(await itemsOf({}, { ...QUICK, found: other })).toContainEqual(
    expect.objectContaining({ name: 'plan', status: 'missing', code: 'PLAN_STALE' }),
  );
});

test('an API that fails is no mistake of the user, whatever else is missing', async () => {
  const found = Promise.reject(outsideError('API_FAILED', 'EC2 is down.'));
  expect((await run(NOTHING, { ...QUICK, found })).error).toMatchObject({ kind: 'outside', code: 'API_FAILED' });
});

test('an API that says nothing at all is an outside failure within the limit', async () => {
  const given = preflightWith({ GetCallerIdentity: silence }, { ...QUICK, found: silence(), limitMs: 30 });
  const began = performance.now();
  await expect(lookAtAll(given, { waits: true })).rejects.toMatchObject({
    kind: 'outside',
    code: 'API_FAILED',
    message: 'The API of us-east-2 gave no answer within 0.03 s.',
  });
  expect(performance.now() - began).toBeLessThan(4000);
});

test('planning that is slow where others answer is waited for in a run, and said to be late otherwise', async () => {
  const slow = () =>
    new Promise<never>((_, reject) => {
      setTimeout(() => reject(userError('SUBNET_NOT_FOUND', 'No subnet.', 'create one')), 60);
    });
  const change = { ...QUICK, limitMs: 20 };
  const patient = await lookAtAll(preflightWith({}, { ...change, found: slow() }), { waits: true });
  expect(patient[0]).toMatchObject({ name: 'subnet', status: 'missing' });
  const late = await lookAtAll(preflightWith({}, { ...change, found: slow() }), { waits: false });
  expect(late[0]).toMatchObject({ name: 'plan', status: 'unchecked', found: 'not checked: no answer within 0.02 s' });
});

test('the fake refuses what it was not taught, so that no test passes by an empty answer', async () => {
  const { preflight: clients } = fakeClients({});
  await expect(clients.sts.send({} as never)).rejects.toThrow('was not taught');
});
