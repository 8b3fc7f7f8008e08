import { expect, test } from 'vitest';
import { type Comparison, compare, farewells, type Pair } from '../../src/bootstrap/compare.ts';
import { namingMissingPermissions } from '../../src/bootstrap/permission.ts';
import { applyFarewells } from '../../src/bootstrap/remove.ts';
import { apiError, fakeClients } from '../run/fake-clients.ts';
import { aContext, applyWith, OURS, pair, REGION, resources } from './cases.ts';

/** Everything that makes something, taught to succeed. */
const MAKES = {
  CreateLogGroup: () => ({}),
  PutRetentionPolicy: () => ({}),
  CreateRole: () => ({}),
  AttachRolePolicy: () => ({}),
  PutRolePolicy: () => ({}),
  CreateInstanceProfile: () => ({}),
  AddRoleToInstanceProfile: () => ({}),
  CreateOpenIDConnectProvider: () => ({}),
  CreateSecurityGroup: () => ({ GroupId: 'sg-new' }),
  AuthorizeSecurityGroupIngress: () => ({}),
};

function refused(message: string): Error {
  return Object.assign(new Error(message), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
}
function failing(error: Error) {
  return () => {
    throw error;
  };
}
async function missing(): Promise<Comparison[]> {
  return (await resources()).map((each) => compare([each, null] as unknown as Pair, REGION));
}

test('makes everything in order, each resource a span with its tags', async () => {
  const { account, calls } = fakeClients(MAKES);
  const { context, messages } = aContext();
  await applyWith(account)(await missing(), context);
  expect(messages.flatMap((each) => (each.type === 'span-start' ? [each.title] : []))).toEqual([
    'create log group /ecs-host/us-east-2',
    'create role ecs-host',
    'create instance profile ecs-host',
    'create identity provider token.actions.githubusercontent.com',
    'create role ecs-host-ci',
    'create security group fractal-containerized-protocol-group',
  ]);
  const made = calls.filter(({ command }) => command.startsWith('Create'));
  for (const { input } of made) expect(JSON.stringify(input)).toMatch(/ecs-host:owner"(,"Value")?:"bootstrap"/);
  expect(calls.at(-1)?.input).toMatchObject({ GroupId: 'sg-new' });
});

test('waits for what IAM has just made and does not know yet', async () => {
  let tries = 0;
  const { account } = fakeClients({
    ...MAKES,
    AddRoleToInstanceProfile: () => {
      tries += 1;
      if (tries < 3) throw apiError('NoSuchEntityException');
      return {};
    },
  });
  await applyWith(account)(await missing());
  expect(tries).toBe(3);
});

test('a missing permission is named, with what was done until then and how to go on', async () => {
  const message = 'User: arn:aws:iam::1:user/me is not authorized to perform: iam:AttachRolePolicy on resource: role x';
  const { account, calls } = fakeClients({ ...MAKES, AttachRolePolicy: failing(refused(message)) });
  const iam = namingMissingPermissions(account.iam, 'iam');
  await expect(applyWith({ ...account, iam })(await missing())).rejects.toMatchObject({
    kind: 'user',
    code: 'BOOTSTRAP_REFUSED',
    message: 'It went wrong at "create role ecs-host": The credentials may not do iam:AttachRolePolicy.',
    hint: expect.stringContaining('it goes on from here'),
    details: [
      { reason: 'The credentials may not do iam:AttachRolePolicy.', code: 'PERMISSION_MISSING' },
      { reason: message },
      { reason: 'done: create log group /ecs-host/us-east-2: + an empty one' },
      { reason: 'done: create log group /ecs-host/us-east-2: + keeps 30 days' },
      { reason: 'done: create role ecs-host: + trusts ec2.amazonaws.com' },
    ],
  });
  expect(calls.map(({ command }) => command)).not.toContain('CreateInstanceProfile');
});

test('the action is that of the call where the API does not name one', async () => {
  const { account } = fakeClients({ CreateRole: failing(refused('no')) });
  const iam = namingMissingPermissions(account.iam, 'iam');
  const comparisons = (await missing()).filter(({ resource }) => resource.kind === 'role');
  await expect(applyWith({ ...account, iam })(comparisons)).rejects.toThrow('may not do iam:CreateRole.');
});

test('what fails on the other side is not the fault of the user', async () => {
  const error = Object.assign(new Error('busy'), { name: 'ServiceFailure', $metadata: { httpStatusCode: 500 } });
  const { account } = fakeClients({ ...MAKES, CreateLogGroup: failing(error) });
  await expect(applyWith(account)(await missing())).rejects.toMatchObject({ kind: 'outside' });
});

test('Ctrl-C ends it between two calls, and says what was done', async () => {
  const controller = new AbortController();
  const { account, calls } = fakeClients({
    ...MAKES,
    CreateLogGroup: () => {
      controller.abort(Object.assign(new Error('stop'), { name: 'AbortError' }));
      return {};
    },
  });
  await expect(applyWith(account)(await missing(), aContext(controller.signal).context)).rejects.toThrow('stop');
  expect(calls).toHaveLength(1);
});

test('what is foreign is not touched', async () => {
  const { account, calls } = fakeClients({});
  const foreign = compare(await pair('identity provider', { tags: {}, audiences: [] }), REGION);
  expect(await applyWith(account)([foreign])).toEqual([]);
  expect(calls).toEqual([]);
});

test('a role goes with all that hangs on it, a group before it, and what is gone already is no error', async () => {
  const { account, calls } = fakeClients({
    DeleteSecurityGroup: failing(apiError('InvalidGroup.NotFound')),
    DetachRolePolicy: () => ({}),
    DeleteRolePolicy: () => ({}),
    DeleteRole: () => ({}),
  });
  const policy = { Version: '2012-10-17', Statement: [] };
  const pairs = [
    await pair('role', {
      tags: OURS,
      trust: policy,
      managedPolicies: ['arn:a'],
      policies: { own: policy },
      sessionS: 3600,
    }),
    await pair('security group', { tags: OURS, id: 'sg-1', rules: [] }),
  ];
  await applyFarewells(aContext().context, account, farewells(pairs, REGION), { pairs, regionName: REGION });
  expect(calls.map(({ command }) => command)).toEqual([
    'DeleteSecurityGroup',
    'DetachRolePolicy',
    'DeleteRolePolicy',
    'DeleteRole',
  ]);
});

test('a group that hosts are in is refused, and nothing behind it is removed', async () => {
  const { account, calls } = fakeClients({ DeleteSecurityGroup: failing(apiError('DependencyViolation')) });
  const pairs = [
    await pair('log group', { tags: OURS, retentionDays: 30 }),
    await pair('security group', { tags: OURS, id: 'sg-1', rules: [] }),
  ];
  await expect(
    applyFarewells(aContext().context, account, farewells(pairs, REGION), { pairs, regionName: REGION }),
  ).rejects.toMatchObject({ kind: 'user', message: expect.stringContaining('is in use') });
  expect(calls).toHaveLength(1);
});
