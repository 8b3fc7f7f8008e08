import { describe, expect, test } from 'vitest';
import { type Comparison, compare, farewells, type Pair } from '../../src/bootstrap/compare.ts';
import type { Found, FoundRule } from '../../src/bootstrap/resources.ts';
import { OURS, pair, REGION, resource, resources } from './cases.ts';

const GROUP_OF_OURS = { 'ecs-host:owner': 'bootstrap' };
const CLIENTS = 'ecs-host bootstrap: clients';

function rule(text: string, description = ''): FoundRule {
  const [, port = '', protocol = '', source = ''] = /^(\d+)\/(\w+) (\S+)$/.exec(text) ?? [];
  return { protocol, fromPort: Number(port), toPort: Number(port), source, description };
}
const ALL = [
  rule('32262/tcp 10.20.0.0/16', CLIENTS),
  rule('32263/udp 10.20.0.0/16', CLIENTS),
  rule('32273/tcp 10.20.0.0/16', CLIENTS),
  rule('4678/tcp 10.20.0.7/32', 'ecs-host bootstrap: webserver'),
];
function group(rules: readonly FoundRule[], tags: Record<string, string> = GROUP_OF_OURS): Found['security group'] {
  return { id: 'sg-1', tags, rules };
}
function shown({ verdict, edits, notes }: Comparison): unknown {
  return { verdict, edits: edits.map(({ line }) => line), notes };
}
async function compared(found: Found['security group'] | null, wanted = {}): Promise<unknown> {
  return shown(compare(await pair('security group', found, wanted), REGION));
}

test('what is not there is created, part by part', async () => {
  const all = (await resources()).map((each) => compare([each, null] as unknown as Pair, REGION));
  expect(all.map(({ resource: { kind }, verdict, edits }) => [kind, verdict, ...edits.map(({ op }) => op)])).toEqual([
    ['log group', 'create', 'create', 'retention'],
    ['role', 'create', 'create', 'attach', 'attach', 'put-policy'],
    ['instance profile', 'create', 'create', 'add-role'],
    ['identity provider', 'create', 'create'],
    ['role', 'create', 'create', 'put-policy'],
    ['security group', 'create', 'create', 'authorize', 'authorize', 'authorize', 'authorize'],
  ]);
});

describe('a group of ours', () => {
  test('is the same with all of its rules, and also when nobody says who the clients are', async () => {
    const same = { verdict: 'same', edits: [], notes: [] };
    expect(await compared(group(ALL))).toEqual(same);
    expect(await compared(group(ALL), { clients: null, webserver: null })).toEqual(same);
  });

  test('gets the rule that it lacks, also under a wider one of somebody else', async () => {
    const wide = rule('32262/tcp 0.0.0.0/0', 'me');
    expect(await compared(group([wide, ...ALL.slice(1)]))).toEqual({
      verdict: 'change',
      edits: ['+ 32262/tcp from 10.20.0.0/16 (clients)'],
      notes: ["32262/tcp from 0.0.0.0/0 is not bootstrap's, and is left"],
    });
  });

  test('loses rules that bootstrap wrote for clients who are not named any more', async () => {
    expect(await compared(group(ALL), { clients: ['10.30.0.0/16'], webserver: null })).toMatchObject({
      edits: [
        '+ 32262/tcp from 10.30.0.0/16 (clients)',
        '+ 32263/udp from 10.30.0.0/16 (clients)',
        '+ 32273/tcp from 10.30.0.0/16 (clients)',
        '- 32262/tcp from 10.20.0.0/16 (clients)',
        '- 32263/udp from 10.20.0.0/16 (clients)',
        '- 32273/tcp from 10.20.0.0/16 (clients)',
      ],
    });
  });

  test('loses rules that bootstrap wrote for a port that the profile has no more', async () => {
    const old = rule('4000/tcp 10.20.0.0/16', CLIENTS);
    expect(await compared(group([...ALL, old]), { clients: null })).toMatchObject({
      edits: ['- 4000/tcp from 10.20.0.0/16 (clients)'],
    });
  });

  test('keeps and names every other rule: ssh, everything, groups, IPv6, ranges', async () => {
    const others: FoundRule[] = [
      rule('22/tcp 0.0.0.0/0', 'me'),
      { protocol: '-1', fromPort: 0, toPort: 65_535, source: 'sg-2', description: '' },
      rule('32262/tcp ::/0'),
      { protocol: 'tcp', fromPort: 8000, toPort: 8080, source: 'pl-1', description: '' },
    ];
    expect(await compared(group([...ALL, ...others]))).toEqual({
      verdict: 'same',
      edits: [],
      notes: [
        "22/tcp from 0.0.0.0/0 is not bootstrap's, and is left",
        "everything from sg-2 is not bootstrap's, and is left",
        "32262/tcp from ::/0 is not bootstrap's, and is left",
        "8000-8080/tcp from pl-1 is not bootstrap's, and is left",
      ],
    });
  });

  test('asks for clients where a port is open to nobody, and only says so of the control port', async () => {
    expect(await compared(null, { clients: null, webserver: null })).toEqual({
      verdict: 'create',
      edits: [
        '+ an empty one, in the default VPC',
        '? 32262/tcp is open to nobody; give --clients',
        '? 32263/udp is open to nobody; give --clients',
        '? 32273/tcp is open to nobody; give --clients',
      ],
      notes: ['4678/tcp is open to nobody: give --webserver, or orders wait for a heartbeat'],
    });
  });
});

test("in somebody else's group a wider rule does as well, and what lacks is told", async () => {
  const wide = ALL.map(({ description: _, ...each }) => ({ ...each, description: '', source: '10.0.0.0/8' }));
  expect(await compared(group(wide, {}))).toMatchObject({ verdict: 'foreign', edits: [] });
  expect(await compared(group(wide.slice(1), {}))).toMatchObject({
    verdict: 'foreign',
    edits: ['+ 32262/tcp from 10.20.0.0/16 (clients)'],
  });
});

describe('a role of ours', () => {
  async function found(more: Partial<Found['role']> = {}): Promise<Found['role']> {
    const { trust, managedPolicies, policies, sessionS } = await resource('role');
    return { tags: OURS, trust, managedPolicies, policies, sessionS, ...more };
  }

  test('is the same when IAM writes lists of one as texts, and in another order', async () => {
    const trust = {
      Statement: [{ Action: ['sts:AssumeRole'], Principal: { Service: ['ec2.amazonaws.com'] }, Effect: 'Allow' }],
      Version: '2012-10-17',
    };
    expect(shown(compare(await pair('role', await found({ trust })), REGION))).toEqual({
      verdict: 'same',
      edits: [],
      notes: [],
    });
  });

  test('gets the time that it needs, and keeps a longer one', async () => {
    expect(shown(compare(await pair('role', await found({ sessionS: 1800 })), REGION))).toMatchObject({
      verdict: 'change',
      edits: ['~ sessions of at most 1 h, not 0.5 h'],
    });
    expect(compare(await pair('role', await found({ sessionS: 7200 })), REGION).verdict).toBe('same');
  });

  test('gets back its trust and its policies, and keeps what was added', async () => {
    const trust = { Version: '2012-10-17', Statement: [] };
    const policies = { 'ecs-host-logs': trust, mine: trust };
    const managedPolicies = ['arn:aws:iam::aws:policy/ReadOnlyAccess'];
    expect(shown(compare(await pair('role', await found({ trust, policies, managedPolicies })), REGION))).toEqual({
      verdict: 'change',
      edits: [
        '~ trusts ec2.amazonaws.com, not nobody',
        '+ policy AmazonSSMManagedInstanceCore',
        '+ policy AmazonEC2ContainerServiceforEC2Role',
        '~ policy ecs-host-logs (its own)',
      ],
      notes: ["policy ReadOnlyAccess is not bootstrap's, and is left", "policy mine is not bootstrap's, and is left"],
    });
  });

  test('that another region made is marked for this one, too', async () => {
    const tags = { 'ecs-host:owner': 'bootstrap', 'ecs-host:region/us-east-1': 'yes' };
    expect(shown(compare(await pair('role', await found({ tags })), REGION))).toMatchObject({
      verdict: 'change',
      edits: ['+ is there for us-east-2, too'],
    });
  });
});

test('another repository for CI is seen as what it is', async () => {
  const all = await resources();
  const moved = (await resources({ ci: { repository: 'octo-org/moved', branch: 'main' } })).find(
    ({ name }) => name === 'ecs-host-ci',
  );
  const now = all.find(({ name }) => name === 'ecs-host-ci');
  const found = { ...now, tags: OURS } as unknown as Found['role'];
  const [edit] = compare([moved, found] as unknown as Pair, REGION).edits;
  expect(edit?.line).toMatch(/^~ trusts \S+ for \S+, repo:octo-org\/moved:\S+, not \S+ for \S+, repo:octo-org\/hosts:/);
});

test('the rest: how long logs are kept, who a profile holds, for whom a provider speaks', async () => {
  const wrong = await Promise.all([
    pair('log group', { tags: OURS, retentionDays: null }),
    pair('log group', { tags: {}, retentionDays: 7 }),
    pair('instance profile', { tags: OURS, role: null }),
    pair('identity provider', { tags: {}, audiences: ['other'] }),
  ]);
  expect(wrong.map((each) => shown(compare(each, REGION)))).toEqual([
    { verdict: 'change', edits: ['~ keeps 30 days, not for ever'], notes: [] },
    { verdict: 'foreign', edits: [], notes: ['it keeps 7 days'] },
    { verdict: 'change', edits: ['+ role ecs-host'], notes: [] },
    { verdict: 'foreign', edits: ['+ for sts.amazonaws.com'], notes: [] },
  ]);
});

test('what is taken away: ours, not what is shared, and by no means what somebody else made', async () => {
  const shared = { ...OURS, 'ecs-host:region/us-east-1': 'yes' };
  const ofAnother = { 'ecs-host:owner': 'bootstrap', 'ecs-host:region/us-east-1': 'yes' };
  const pairs = await Promise.all([
    pair('log group', { tags: GROUP_OF_OURS, retentionDays: 30 }),
    pair('instance profile', { tags: shared, role: 'ecs-host' }),
    pair('identity provider', { tags: ofAnother, audiences: [] }),
    pair('role', null),
    pair('security group', group(ALL, { 'ecs-host:owner': 'cloudformation' })),
  ]);
  expect(farewells(pairs, REGION).map(({ resource: { kind }, verdict }) => `${verdict} ${kind}`)).toEqual([
    'foreign security group',
    'absent role',
    'absent identity provider',
    'shared instance profile',
    'remove log group',
  ]);
});
