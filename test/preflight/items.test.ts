import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { findSessionManagerPlugin, SESSION_MANAGER_PLUGIN } from '../../src/host-access/needs.ts';
import { userError } from '../../src/io/errors.ts';
import { inPath } from '../../src/io/programs.ts';
import { judgeLife, principalOf } from '../../src/preflight/caller.ts';
import { certificateLook } from '../../src/preflight/certificate.ts';
import { itemOf } from '../../src/preflight/look.ts';
import { closedPorts } from '../../src/preflight/ports.ts';
import { quotaOf } from '../../src/preflight/quota.ts';
import { workload as aWorkload, repositoryAt } from '../fixtures/workload.ts';
import { apiError } from '../run/fake-clients.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { itemNamed, itemsOf, PERMISSIONS, ROLE, refuse, silence } from './world.ts';

const REPOSITORY = "the workload's repository";
const FOLDER = "the workload's folder";
/** Without git, which every other test of an item would run. */
const QUICK = { subject: { isLab: true } };

test('an account with everything: each item is fine, and says what was found', async () => {
  const items = await itemsOf({}, QUICK);
  expect(items.map(({ name, status, fix }) => [name, status, fix])).toEqual([
    ['base image', 'ok', ''],
    ['security group', 'ok', ''],
    ['subnet', 'ok', ''],
    ['caller identity', 'ok', ''],
    ['life of the credentials', 'ok', ''],
    ['instance profile ecs-host', 'ok', ''],
    ['handing on the role of ecs-host', 'ok', ''],
    ['vCPU quota', 'ok', ''],
    ["ECS's own role", 'ok', ''],
    ["the workload's ports", 'ok', ''],
    [FOLDER, 'ok', ''],
  ]);
  for (const { found, needed, name } of items) expect([found, needed], name).not.toContain('');
});

test('a bake alone looks at nothing that only the smoke test needs', async () => {
  const names = (await itemsOf({}, { ...QUICK, run: { smokes: 0 } })).map(({ name }) => name);
  expect(names.at(-1)).toBe('vCPU quota');
});

test.each([
  ['instance profile ecs-host', 'GetInstanceProfile', 'iam:GetInstanceProfile'],
  ['handing on the role of ecs-host', 'SimulatePrincipalPolicy', 'iam:SimulatePrincipalPolicy'],
  ['vCPU quota', 'GetServiceQuota', 'servicequotas:GetServiceQuota'],
  ['vCPU quota', 'DescribeInstances', 'ec2:DescribeInstances'],
  ['vCPU quota', 'DescribeInstanceTypes', 'ec2:DescribeInstanceTypes'],
  ["ECS's own role", 'GetRole', 'iam:GetRole'],
  ["the workload's ports", 'DescribeSecurityGroups', 'ec2:DescribeSecurityGroups'],
])('%s: without the permission for %s it is not checked, and %s is named', async (name, call, permission) => {
  for (const code of ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation'])
    expect(await itemNamed(name, { [call]: refuse(code) }, QUICK)).toMatchObject({
      status: 'unchecked',
      found: `not checked: the credentials may not do ${permission}`,
      fix: `allow ${permission}, as src/bootstrap/policies/caller.json does`,
    });
  const slow = await itemNamed(name, { [call]: silence }, { ...QUICK, limitMs: 20 });
  expect(slow).toMatchObject({ status: 'unchecked', found: 'not checked: no answer within 0.02 s' });
});

test('an item that fails in another way is not checked, and says why', async () => {
  expect(await itemNamed('vCPU quota', { GetServiceQuota: refuse('Odd') }, QUICK)).toMatchObject({
    status: 'unchecked',
    found: 'not checked: fake: Odd',
  });
});

describe('the caller', () => {
  test('is not checked when nobody answers in time, or somebody forbids even that', async () => {
    const slow = { ...QUICK, limitMs: 20 };
    expect(await itemNamed('caller identity', { GetCallerIdentity: silence }, slow)).toMatchObject({
      status: 'unchecked',
      found: 'not checked: no answer within 0.02 s',
    });
    expect(await itemNamed('caller identity', { GetCallerIdentity: refuse('AccessDenied') }, QUICK)).toMatchObject({
      status: 'unchecked',
    });
  });

  test.each(['ExpiredToken', 'InvalidClientTokenId', 'SignatureDoesNotMatch'])('with dead keys (%s)', async (code) => {
    expect(await itemNamed('caller identity', { GetCallerIdentity: refuse(code) }, QUICK)).toMatchObject({
      status: 'missing',
      found: expect.stringContaining(code),
      fix: expect.stringContaining('sign in again'),
    });
  });

  const now = Date.parse('2026-11-26T12:00:00Z');
  const inMinutes = (minutes: number): Date => new Date(now + minutes * 60_000);
  const life = { isTemporary: true, isRenewed: false, endsAt: null };
  test.each([
    [undefined, 'ok', 'they do not end'],
    [{ ...life, isTemporary: false }, 'ok', 'they do not end'],
    [{ ...life, isRenewed: true, endsAt: inMinutes(5) }, 'ok', 'they are renewed while the run goes on'],
    [{ ...life, endsAt: inMinutes(80) }, 'ok', 'nobody renews them, and they end in 1 h 20 min'],
    [
      { ...life, endsAt: inMinutes(40) },
      'missing',
      'nobody renews them, and they end in 40 min; the run usually takes 1 h 15 min',
    ],
    [life, 'unchecked', 'not checked: temporary keys that nobody renews do not say here when they end'],
  ])('with keys of the life %j', (given, status, found) => {
    expect(judgeLife(given, 75 * 60_000, now)).toMatchObject({ status, found });
  });

  test.each([
    ['arn:aws:iam::1:user/division/me', 'arn:aws:iam::1:user/division/me'],
    ['arn:aws:sts::1:assumed-role/baker/session', 'arn:aws:iam::1:role/baker'],
    ['arn:aws-cn:sts::1:assumed-role/baker/session', 'arn:aws-cn:iam::1:role/baker'],
    ['arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_0/me', null],
    ['arn:aws:sts::1:federated-user/me', null],
    ['arn:aws:iam::1:root', null],
  ])('%s has the policies of %s', (arn, principal) => {
    expect(principalOf(arn)).toBe(principal);
  });
});

describe('the instance profile', () => {
  test('that is not there, or has no role, is missing; whether it may be handed on is then no question', async () => {
    const none = await itemsOf({ GetInstanceProfile: refuse('NoSuchEntityException') }, QUICK);
    expect(none).toContainEqual(
      expect.objectContaining({
        name: 'instance profile ecs-host',
        status: 'missing',
        found: 'there is no instance profile ecs-host',
        fix: expect.stringContaining('ecs-host bootstrap --region us-east-2'),
      }),
    );
    expect(none.map(({ name }) => name)).not.toContain('handing on the role of ecs-host');
    const empty = { GetInstanceProfile: () => ({ InstanceProfile: { Roles: [] } }) };
    expect(await itemNamed('instance profile ecs-host', empty, QUICK)).toMatchObject({
      found: 'ecs-host holds no role',
    });
  });

  test('whose role the caller may not hand on is missing, with the role', async () => {
    const denied = { SimulatePrincipalPolicy: () => ({ EvaluationResults: [{ EvalDecision: 'implicitDeny' }] }) };
    expect(await itemNamed('handing on the role of ecs-host', denied, QUICK)).toMatchObject({
      status: 'missing',
      found: `arn:aws:iam::123456789012:role/baker may not do iam:PassRole for ${ROLE}`,
    });
  });

  test('is handed on by the account itself, and by whom cannot be told it is not checked', async () => {
    const root = { GetCallerIdentity: () => ({ Arn: 'arn:aws:iam::1:root' }), SimulatePrincipalPolicy: silence };
    expect(await itemNamed('handing on the role of ecs-host', root, QUICK)).toMatchObject({ status: 'ok' });
    const sso = { GetCallerIdentity: () => ({ Arn: 'arn:aws:sts::1:assumed-role/AWSReservedSSO_A_0/me' }) };
    expect(await itemNamed('handing on the role of ecs-host', sso, QUICK)).toMatchObject({ status: 'unchecked' });
  });
});

describe("ECS's own role", () => {
  const none = { GetRole: refuse('NoSuchEntityException') };
  test('is made by the first cluster where the caller may', async () => {
    expect(await itemNamed("ECS's own role", none, QUICK)).toMatchObject({
      status: 'ok',
      found: 'not there yet; the first cluster makes it',
    });
  });
  test('is missing where it is not there and the caller may not make it', async () => {
    const denied = {
      ...none,
      SimulatePrincipalPolicy: () => ({ EvaluationResults: [{ EvalDecision: 'explicitDeny' }] }),
    };
    expect(await itemNamed("ECS's own role", denied, QUICK)).toMatchObject({
      status: 'missing',
      fix: expect.stringContaining('aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com'),
    });
  });
});

describe('the quota', () => {
  const running = (...types: (string | object)[]) => ({
    DescribeInstances: () => ({
      Reservations: [{ Instances: types.map((each) => (typeof each === 'string' ? { InstanceType: each } : each)) }],
    }),
  });

  test.each([
    ['g4dn.xlarge', 'L-DB2E81BA'],
    ['gr6.4xlarge', 'L-DB2E81BA'],
    ['vt1.3xlarge', 'L-DB2E81BA'],
    ['t3.large', 'L-1216C47A'],
    ['im4gn.large', 'L-1216C47A'],
    ['inf2.xlarge', 'L-1945791B'],
    ['p6-b200.48xlarge', 'L-417A185B'],
    ['trn1.2xlarge', 'L-2C3B7624'],
    ['hpc7a.12xlarge', 'L-F7808C92'],
    ['x2idn.16xlarge', 'L-7295265B'],
    ['u-6tb1.metal', 'L-43DA4232'],
    ['mac2.metal', undefined],
  ])('of %s is %s', (type, code) => {
    expect(quotaOf(type)?.code).toBe(code);
  });

  test('has to have room for both smoke instances at once; a bake has one', async () => {
    const four = { GetServiceQuota: () => ({ Quota: { Value: 4 } }) };
    expect(await itemNamed('vCPU quota', four, QUICK)).toMatchObject({
      status: 'missing',
      found: expect.stringContaining('4 vCPU in all, 0 in use'),
      fix: expect.stringContaining('--quota-code L-DB2E81BA --desired-value 8'),
    });
    expect(await itemNamed('vCPU quota', four, { ...QUICK, run: { smokes: 0 } })).toMatchObject({ status: 'ok' });
  });

  test('is shared with what runs of the same families, On-Demand', async () => {
    expect(await itemNamed('vCPU quota', running('g4dn.xlarge'), QUICK)).toMatchObject({ status: 'missing' });
    const others = running('t3.large', { InstanceType: 'g4dn.xlarge', InstanceLifecycle: 'spot' });
    expect(await itemNamed('vCPU quota', others, QUICK)).toMatchObject({ status: 'ok' });
  });

  test('is not taken by what a dead run left, which a bake sweeps away first', async () => {
    const { ownerName } = await import('../../src/run/owner.ts');
    const Tags = [
      { Key: 'ecs-host:run-id', Value: 'r-20200101000000-abcdef' },
      { Key: 'ecs-host:owner', Value: ownerName() },
    ];
    const left = running({ InstanceType: 'g4dn.xlarge', Tags });
    expect(await itemNamed('vCPU quota', left, QUICK)).toMatchObject({ status: 'ok' });
    expect(await itemNamed('vCPU quota', left, { ...QUICK, run: { builds: false } })).toMatchObject({
      status: 'missing',
    });
  });

  test('of one type with room is enough; without any, each says why', async () => {
    const subject = { isLab: true, instanceTypes: ['g4dn.xlarge', 't3.large'] };
    const types = () => ({
      InstanceTypes: [
        { InstanceType: 'g4dn.xlarge', VCpuInfo: { DefaultVCpus: 4 } },
        { InstanceType: 't3.large', VCpuInfo: { DefaultVCpus: 2 } },
      ],
    });
    const quota = (standard: number) => ({
      DescribeInstanceTypes: types,
      GetServiceQuota: ({ QuotaCode }: Record<string, unknown>) => ({
        Quota: { Value: QuotaCode === 'L-1216C47A' ? standard : 0 },
      }),
    });
    expect(await itemNamed('vCPU quota', quota(4), { subject })).toMatchObject({
      status: 'ok',
      found: expect.stringContaining('L-1216C47A'),
    });
    expect(await itemNamed('vCPU quota', quota(3), { subject })).toMatchObject({
      status: 'missing',
      found: expect.stringMatching(/2 × g4dn.xlarge at once take 8; .*2 × t3.large at once take 4/),
    });
  });

  test('of a type that nobody knows is not checked', async () => {
    expect(await itemNamed('vCPU quota', {}, { subject: { isLab: true, instanceTypes: ['q9.large'] } })).toMatchObject({
      status: 'unchecked',
    });
    expect(await itemNamed('vCPU quota', {}, { subject: { isLab: true, instanceTypes: ['g9.large'] } })).toMatchObject({
      status: 'unchecked',
      found: 'not checked: EC2 has no g9.large here',
    });
  });
});

describe("the workload's ports", () => {
  const wanted = [
    { protocol: 'tcp', port: 32262 },
    { protocol: 'udp', port: 32263 },
  ] as const;
  const here = { addresses: ['10.0.0.5', '198.51.100.7'], isPublicKnown: true };

  test.each<[string, Parameters<typeof closedPorts>[0], typeof here, string[]]>([
    ['open to all', [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }], here, []],
    ['open to the own network', [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '10.0.0.0/8' }] }], here, []],
    ['open to a prefix list', [{ IpProtocol: '-1', PrefixListIds: [{ PrefixListId: 'pl-1' }] }], here, []],
    [
      'open to others',
      PERMISSIONS,
      here,
      ['32262/tcp is open to 203.0.113.0/24 only', '32263/udp is open to 203.0.113.0/24 only'],
    ],
    ['open to others, and where this is nobody knows', PERMISSIONS, { ...here, isPublicKnown: false }, []],
    [
      'of another protocol',
      [{ ...PERMISSIONS[0], ToPort: 32263 }],
      { ...here, isPublicKnown: false },
      ['32263/udp is closed'],
    ],
    ['closed', [], here, ['32262/tcp is closed', '32263/udp is closed']],
  ])('%s', (_what, permissions, from, closed) => {
    expect(closedPorts(permissions, wanted, from)).toEqual(closed);
  });

  test('that are closed are missing, with the network to open them to', async () => {
    const findAddresses = async () => ({ addresses: ['198.51.100.7'], isPublicKnown: true });
    expect(await itemNamed("the workload's ports", {}, { ...QUICK, findAddresses })).toMatchObject({
      status: 'missing',
      found: expect.stringContaining('this machine is 198.51.100.7'),
      fix: expect.stringContaining('--clients 198.51.100.7/32'),
    });
  });
});

describe("the workload's repository", () => {
  async function repository(): Promise<string> {
    const folder = join(tempFolder(), 'repository');
    const git = (...args: string[]) => promisify(execFile)('git', args, { env: { ...process.env, HOME: folder } });
    await git('init', '--quiet', '--initial-branch=main', folder);
    await git(
      '-C',
      folder,
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@b',
      'commit',
      '--quiet',
      '--allow-empty',
      '-m',
      'a',
    );
    return folder;
  }
  const workload = (url: string, ref: string) => ({
    subject: { workload: { ...aWorkload, repository: { ...repositoryAt(url), ref } } },
  });

  test('that answers is fine, also for a commit; without the ref, or without an answer, it is missing', async () => {
    const url = await repository();
    expect(await itemNamed(REPOSITORY, {}, workload(url, 'main'))).toMatchObject({ status: 'ok' });
    expect(await itemNamed(REPOSITORY, {}, workload(url, 'a'.repeat(40)))).toMatchObject({ status: 'ok' });
    expect(await itemNamed(REPOSITORY, {}, workload(url, 'nope'))).toMatchObject({
      status: 'missing',
      found: 'it has no nope',
    });
    expect(await itemNamed(REPOSITORY, {}, workload(`${url}-gone`, 'main'))).toMatchObject({
      status: 'missing',
      found: expect.stringContaining('does not appear to be a git repository'),
    });
  });

  test('of the lab is not asked from here, also where the lab stands in for a region of AWS', async () => {
    expect(await itemNamed(REPOSITORY, {}, QUICK)).toBeUndefined();
    const ofLab = workload('http://lab.internal/git/images.git', 'main');
    expect(await itemNamed(REPOSITORY, {}, { ...ofLab, endpointUrl: 'http://127.0.0.1:1' })).toBeUndefined();
    expect(await itemNamed(REPOSITORY, {}, ofLab)).toMatchObject({ status: 'missing' });
  });

  test('whose secret cannot be read is missing, and the secret is in nothing that is said', async () => {
    const credential = { kind: 'token', store: 'secrets-manager', name: 'a/b', user: 'x', hostKeys: [] } as const;
    const closed = { ...aWorkload, repository: { ...repositoryAt('http://127.0.0.1:1/a.git'), credential } };
    const readSecret = () => Promise.reject(userError('SECRET_UNREADABLE', 'a/b could not be read.', 'correct it'));
    expect(await itemNamed(REPOSITORY, {}, { subject: { workload: closed }, readSecret })).toMatchObject({
      status: 'missing',
      found: 'a/b could not be read',
      fix: 'correct it',
    });
    const told = { subject: { workload: closed }, readSecret: async () => 'ghp_secret' };
    const item = await itemNamed(REPOSITORY, {}, told);
    expect(item).toMatchObject({ status: 'missing' });
    expect(JSON.stringify(item)).not.toContain('ghp_secret');
  });

  test('a folder in its place is there, or missing', async () => {
    const folder = tempFolder();
    await writeFile(join(folder, 'run.sh'), '');
    const carried = (path: string) => ({ subject: { workload: { ...aWorkload, repository: null, folder: path } } });
    expect(await itemNamed(FOLDER, {}, carried(folder))).toMatchObject({ status: 'ok' });
    expect(await itemNamed(FOLDER, {}, carried(join(folder, 'gone')))).toMatchObject({
      status: 'missing',
      fix: expect.stringContaining('workload.folder'),
    });
  });
});

describe('the identity certificate', () => {
  test('of a region is good, has ended, or is not there', async () => {
    const look = (region: string, now?: number) => itemOf(certificateLook(region, undefined, now), 1000);
    expect(await look('us-east-2')).toMatchObject({ status: 'ok' });
    expect(await look('us-east-2', Date.parse('2300-01-01'))).toMatchObject({ status: 'missing' });
    expect(await look('mars-north-1')).toMatchObject({
      status: 'missing',
      fix: expect.stringContaining('npm install'),
    });
  });
});

describe('programs', () => {
  afterEach(() => vi.unstubAllEnvs());

  test('that are not here are missing', async () => {
    const needs = [inPath('sh', 'runs'), inPath('ecs-host-no-such', 'is tested')];
    const items = await itemsOf({}, { ...QUICK, needs });
    expect(items.filter(({ name }) => name.startsWith('program')).map(({ name, status }) => [name, status])).toEqual([
      ['program sh', 'ok'],
      ['program ecs-host-no-such', 'missing'],
    ]);
  });

  test('QEMU is looked for where machines are to have a kernel of their own', async () => {
    vi.stubEnv('PATH', tempFolder());
    const subject = { isLab: true, machine: 'qemu' as const };
    const name = 'program qemu-system-x86_64';
    expect(await itemNamed(name, {}, { subject })).toMatchObject({ status: 'missing' });
    expect((await itemsOf({}, QUICK)).map((each) => each.name)).not.toContain(name);
  });

  test.each([
    ['1.2.600.0', 'ok'],
    ['1.1.0.0', 'missing'],
  ])('session-manager-plugin %s: %s', async (version, status) => {
    const folder = tempFolder();
    await writeFile(join(folder, SESSION_MANAGER_PLUGIN.name), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
    vi.stubEnv('ECS_HOST_CACHE', tempFolder());
    expect(await findSessionManagerPlugin()).toContain(folder);
    expect(
      await itemNamed('program session-manager-plugin', {}, { ...QUICK, needs: [SESSION_MANAGER_PLUGIN] }),
    ).toMatchObject({ status, found: expect.stringContaining(version) });
  });
});

test('keys that cannot be had are no bug', async () => {
  const keys = () => Promise.reject(apiError('CredentialsProviderError'));
  expect(await itemNamed('life of the credentials', {}, { ...QUICK, keys })).toMatchObject({ status: 'unchecked' });
});
