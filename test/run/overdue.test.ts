import { expect, test } from 'vitest';
import type { Reporter } from '../../src/io/reporter.ts';
import { selectOverdue, stopOverdue } from '../../src/run/sweep/overdue.ts';
import { apiError, fakeClients } from './fake-clients.ts';

const NOW = Date.parse('2026-11-26T12:00:00Z');
const tags = {
  'ecs-host:kind': 'dev-host',
  'ecs-host:dev-host': 'one',
  'ecs-host:dev-owner': 'somebody',
  'ecs-host:ready': '2026-11-26T10:00:00Z',
  'ecs-host:expires': '2026-11-26T11:54:59Z',
};

function isOverdue(change: Record<string, string | undefined>): boolean {
  const changed = Object.fromEntries(
    Object.entries({ ...tags, ...change }).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  return selectOverdue([{ id: 'i-1', tags: changed }], NOW).length > 0;
}

test('a dev host is overdue when five minutes have passed and it still runs, whoever it belongs to', () => {
  expect(selectOverdue([{ id: 'i-1', tags }], NOW)).toEqual([
    { instanceId: 'i-1', name: 'one', user: 'somebody', expires: '2026-11-26T11:54:59Z' },
  ]);
  expect(isOverdue({ 'ecs-host:expires': '2026-11-26T11:55:00Z' })).toBe(false);
});

test.for([
  ['is not ready', { 'ecs-host:ready': undefined }],
  ['is no dev host', { 'ecs-host:kind': 'smoke' }],
  ['has no time', { 'ecs-host:expires': undefined }],
  ['has a time that is none', { 'ecs-host:expires': '2026-02-45T11:54:59Z' }],
  ['has a time of another form', { 'ecs-host:expires': '2020' }],
] as const)('what %s is left alone', ([, change]) => {
  expect(isOverdue(change)).toBe(false);
});

const Tags = Object.entries({ ...tags, 'ecs-host:expires': '2020-01-01T00:00:00Z' }).map(([Key, Value]) => ({
  Key,
  Value,
}));
const described = {
  DescribeInstances: () => ({
    Reservations: [{ Instances: ['i-1', 'i-2', 'i-3'].map((InstanceId) => ({ InstanceId, Tags })) }],
  }),
};

test('a dry run says what it would stop, and stops nothing', async () => {
  const { clients, calls } = fakeClients(described);
  const { overdue, stopped } = await stopOverdue(clients, {
    reporter: { emit: () => {}, close: async () => {} },
    dryRun: true,
  });
  expect([overdue.length, stopped]).toEqual([3, []]);
  expect(calls.map(({ command }) => command)).toEqual(['DescribeInstances']);
});

test('each is stopped and said; one that cannot be keeps no other, and one that is gone is none', async () => {
  const { clients, calls } = fakeClients({
    ...described,
    StopInstances: (input) => {
      const [id] = input['InstanceIds'] as unknown as string[];
      if (id === 'i-1') throw apiError('UnauthorizedOperation');
      if (id === 'i-2') throw apiError('InvalidInstanceID.NotFound');
      return {};
    },
  });
  const events: unknown[] = [];
  const reporter: Reporter = { emit: (event) => void events.push(event), close: async () => {} };
  const { stopped } = await stopOverdue(clients, { reporter, dryRun: false });
  expect(stopped.map(({ instanceId, outcome }) => [instanceId, outcome])).toEqual([
    ['i-1', 'failed'],
    ['i-3', 'stopped'],
  ]);
  expect(events).toMatchObject([{ code: 'DEV_HOST_NOT_STOPPED' }, { code: 'DEV_HOST_OVERDUE' }]);
  expect(calls.some(({ command }) => command === 'TerminateInstances')).toBe(false);
});
