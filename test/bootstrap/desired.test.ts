import { glob, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { desiredResources } from '../../src/bootstrap/desired.ts';
import caller from '../../src/bootstrap/policies/caller.json' with { type: 'json' };
import { inAccount, ownTags } from '../../src/bootstrap/resources.ts';
import type { Profile } from '../../src/config/hosts-config.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { emptyInventory } from '../../src/run/sweep/inventory.ts';
import { selectLeftovers } from '../../src/run/sweep/select.ts';
import { ACCOUNT, resource, resources, shippedRegion, WANTED } from './cases.ts';

/**
 * What the amazon-ebs builder of the pinned plugin calls for our template, read in its sources and seen in the lab's
 * log of calls; under Session Manager also the two of SSM and DescribeInstanceStatus.
 */
const PACKER = [
  ...['ec2:AuthorizeSecurityGroupIngress', 'ec2:CreateImage', 'ec2:CreateKeyPair', 'ec2:CreateSecurityGroup'],
  ...['ec2:CreateTags', 'ec2:DeleteKeyPair', 'ec2:DeleteSecurityGroup', 'ec2:DeleteSnapshot', 'ec2:DeleteVolume'],
  ...['ec2:DeregisterImage', 'ec2:DescribeImages', 'ec2:DescribeInstanceStatus', 'ec2:DescribeInstances'],
  ...['ec2:DescribeRegions', 'ec2:DescribeSecurityGroups', 'ec2:DescribeSubnets', 'ec2:DescribeVolumes'],
  ...['ec2:ModifyImageAttribute', 'ec2:RunInstances', 'ec2:StopInstances', 'ec2:TerminateInstances'],
  ...['iam:GetInstanceProfile', 'iam:PassRole', 'ssm:StartSession', 'ssm:TerminateSession'],
];

/** What session-manager-plugin calls when its websocket breaks (src/sessionmanagerplugin/session). */
const SESSION_MANAGER_PLUGIN = ['ssm:ResumeSession'];

/** Signed by hand (src/plan/live-prices.ts). */
const PRICES = ['pricing:GetProducts'];

/** What ECS asks for when a cluster is made with tags, and when it is the first one of an account. */
const IMPLIED = ['ecs:TagResource', 'iam:CreateServiceLinkedRole'];

/** What EC2 asks of KMS in the name of whoever has an image encrypted, or copied, with a key of their own. */
const KMS = [
  ...['kms:CreateGrant', 'kms:Decrypt', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:ReEncryptFrom'],
  'kms:ReEncryptTo',
];

/** What a service is called in policies, where that is not the name of its client. */
const PREFIXES: Readonly<Record<string, string>> = {
  'auto-scaling': 'autoscaling',
  'service-quotas': 'servicequotas',
};

async function callsOfSources(): Promise<Set<string>> {
  const calls = new Set<string>();
  for await (const file of glob('src/{aws,plan,host-access,preflight,bake,image,smoke,run,release}/**/*.ts', {
    cwd: projectFolder(),
  })) {
    const text = await readFile(`${projectFolder()}/${file}`, 'utf8');
    for (const [, names = '', service = ''] of text.matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-([\w-]+)'/g))
      for (const [, command, paginated] of names.matchAll(/\b(?:(\w+)Command|paginate(\w+))\b/g))
        calls.add(`${PREFIXES[service] ?? service}:${command ?? paginated}`);
  }
  return calls;
}

test('the policy of the caller has exactly what the sources and Packer call', async () => {
  const allowed = new Set(caller.Statement.flatMap(({ Action }) => Action));
  const called = new Set([
    ...(await callsOfSources()),
    ...PACKER,
    ...SESSION_MANAGER_PLUGIN,
    ...IMPLIED,
    ...KMS,
    ...PRICES,
  ]);
  // Everybody may ask who they are; no policy can even forbid it.
  called.delete('sts:GetCallerIdentity');
  // Only where the configuration names a secret, and then that one alone: the next test.
  for (const read of ['secrets-manager:GetSecretValue', 'ssm:GetParameter']) expect(called.delete(read)).toBe(true);
  expect([...allowed].sort()).toEqual([...called].sort());
});

test.each<[NonNullable<Profile['workload']['credential']>, unknown]>([
  [
    { kind: 'token', secret: 'ecs-host/git' },
    ['secretsmanager:GetSecretValue', 'arn:aws:secretsmanager:us-east-2:123456789012:secret:ecs-host/git-??????'],
  ],
  [
    { kind: 'deploy-key', secret: 'arn:aws:secretsmanager:us-east-2:1:secret:a-b' },
    ['secretsmanager:GetSecretValue', 'arn:aws:secretsmanager:us-east-2:1:secret:a-b'],
  ],
  [{ kind: 'token', parameter: '/a/b' }, ['ssm:GetParameter', 'arn:aws:ssm:us-east-2:123456789012:parameter/a/b']],
])('where a workload is private, its own secret may be read and no other: %j', async (credential, expected) => {
  const selection = await shippedRegion();
  const { profile } = selection;
  const workload = { ...profile.workload, credential };
  const text = JSON.stringify(
    inAccount(desiredResources({ ...selection, profile: { ...profile, workload } }, WANTED), ACCOUNT),
  );
  const [action, resourceName] = expected as [string, string];
  expect(text).toContain(`"Action":"${action}","Resource":"${resourceName}"`);
  expect(JSON.stringify(desiredResources(selection, WANTED))).not.toMatch(/GetSecretValue|GetParameter"/);
});

test('it changes and removes only what carries a run id, and passes only the role of the hosts', async () => {
  for (const { Sid, Action, Resource, ...rest } of caller.Statement) {
    const actions = [Action].flat();
    const writes = actions.some((each) => /^ec2:(?!Describe|RunInstances|CreateSecurityGroup)/.test(each));
    if (writes) expect(JSON.stringify(rest), Sid).toContain('ecs-host:run-id":"r-*"');
    // Neither a quota nor a price is a resource that a policy could name, nor what is deregistered of ECS.
    if (actions.some((each) => !/:(Describe|List|GetServiceQuota|GetProducts|DeregisterTaskDefinition)/.test(each)))
      expect([Resource].flat(), Sid).not.toContain('*');
  }
  const roles = (await resources()).filter(({ kind }) => kind === 'role');
  const text = JSON.stringify(roles.at(-1));
  expect(text).toContain('"Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/ecs-host"');
  expect(text).toContain('instance-profile/ecs-host"');
});

test('build instances with a profile of their own are reached, and join no cluster', async () => {
  const shipped = await shippedRegion();
  const region = { ...shipped.region, buildInstanceProfile: 'ecs-host-build' };
  const made = desiredResources({ ...shipped, region }, WANTED).filter(({ name }) => name === 'ecs-host-build');
  expect(made).toMatchObject([
    { kind: 'role', managedPolicies: [expect.stringMatching(/AmazonSSMManagedInstanceCore$/)], policies: {} },
    { kind: 'instance profile', role: 'ecs-host-build' },
  ]);
  const ci = desiredResources({ ...shipped, region }, WANTED).find(({ name }) => name.endsWith('-ci'));
  const text = JSON.stringify(ci);
  for (const what of ['role', 'instance-profile'])
    expect(text).toMatch(new RegExp(`:${what}/ecs-host","[^"]*:${what}/ecs-host-build"`));
});

test('policies keep within what IAM takes in a role', async () => {
  for (const each of await resources())
    if (each.kind === 'role') {
      const size = Object.values(each.policies).reduce((sum, policy) => sum + JSON.stringify(policy).length, 0);
      expect(size).toBeLessThan(10_240);
      expect(JSON.stringify(each.trust).length).toBeLessThan(2048);
    }
});

test('nothing is left to fill in where the account is known', async () => {
  // What IAM itself fills in is in small letters.
  expect(JSON.stringify(await resources()).match(/\$\{[A-Z][^}]*\}/g)).toBeNull();
});

test('CI is trusted for one branch of one repository, and only where it was asked for', async () => {
  const kinds = (await resources({ ci: null })).map(({ kind, name }) => `${kind} ${name}`);
  expect(kinds).toEqual([
    'log group /ecs-host/us-east-2',
    'role ecs-host',
    'instance profile ecs-host',
    'security group fractal-containerized-protocol-group',
  ]);
  const trusted = (await resources()).find(({ name }) => name === 'ecs-host-ci');
  expect(trusted).toMatchObject({
    trust: {
      Statement: [
        {
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: {
            StringEquals: {
              'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
              'token.actions.githubusercontent.com:sub': 'repo:octo-org/hosts:ref:refs/heads/main',
            },
          },
        },
      ],
    },
  });
});

test("the group opens the profile's ports to clients, the control port to the webserver, none for ssh", async () => {
  const { ports } = await resource('security group');
  expect(ports.map(({ protocol, port, who }) => `${port}/${protocol} ${who}`)).toEqual([
    '32262/tcp clients',
    '32263/udp clients',
    '32273/tcp clients',
    '4678/tcp webserver',
  ]);
});

test('a profile that is there may hold a role of another name', async () => {
  const all = desiredResources(await shippedRegion(), WANTED, 'of-old');
  expect(all.filter(({ kind }) => kind === 'role').map(({ name }) => name)).toEqual(['of-old', 'ecs-host-ci']);
  expect(JSON.stringify(all)).toContain('role/of-old"');
});

test('a sweep never selects what bootstrap made', () => {
  const tags = ownTags('security group', 'us-east-2');
  const inventory = { ...emptyInventory, securityGroups: [{ id: 'sg-1', name: 'hosts', tags }] };
  expect(selectLeftovers(inventory, () => 'dead')).toEqual([]);
});
