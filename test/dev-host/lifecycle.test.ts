import { describe, expect, test } from 'vitest';
import { destroyDevHost, extendDevHost, startDevHost, stopDevHost } from '../../src/dev-host/lifecycle.ts';
import { aDevHost, aDevInstance } from '../fixtures/dev-host.ts';
import { fakeClients, type Taught } from '../run/fake-clients.ts';

const { signal } = new AbortController();

/** EC2 with one instance, in the states that it is said to be in, the last for good. */
function ec2With(states: string[], more: Taught = {}) {
  const next = (): string => (states.length > 1 ? (states.shift() ?? '') : (states[0] ?? ''));
  return fakeClients({
    DescribeInstances: () => ({
      Reservations: [{ Instances: [aDevInstance({}, { State: { Name: next() as 'running' } })] }],
    }),
    CreateTags: () => ({}),
    StartInstances: () => ({}),
    StopInstances: () => ({}),
    TerminateInstances: () => ({}),
    DescribeSecurityGroups: () => ({ SecurityGroups: [{ GroupId: 'sg-1' }] }),
    DeleteSecurityGroup: () => ({}),
    ...more,
  });
}

function names(calls: readonly { command: string }[]): string[] {
  return calls.map(({ command }) => command);
}

describe('stop', () => {
  test('asks, and waits until it is seen stopped', async () => {
    const { clients, calls } = ec2With(['stopping', 'stopped']);
    await stopDevHost(clients, aDevHost(), signal);
    expect(names(calls)).toEqual(['StopInstances', 'DescribeInstances', 'DescribeInstances']);
  });

  test('one that is stopped is fine, one that is gone is not', async () => {
    const stopped = ec2With(['stopped']);
    await stopDevHost(stopped.clients, aDevHost({ state: 'stopped' }), signal);
    expect(names(stopped.calls)).not.toContain('StopInstances');
    const gone = ec2With(['terminated']);
    await expect(stopDevHost(gone.clients, aDevHost(), signal)).rejects.toMatchObject({ code: 'INSTANCE_ENDED' });
  });
});

test('start sets its new time before it boots, or it would stop at once', async () => {
  const { clients, calls } = ec2With(['running']);
  const expires = await startDevHost(clients, aDevHost({ state: 'stopped' }), { ttlMinutes: 120, signal });
  expect(names(calls).slice(0, 2)).toEqual(['CreateTags', 'StartInstances']);
  expect(JSON.stringify(calls[0]?.input)).toContain(expires);
  expect(Date.parse(expires) - Date.now()).toBeGreaterThan(119 * 60_000);
});

describe('extend', () => {
  test('counts from when it would have stopped', async () => {
    const { clients } = ec2With(['running']);
    const later = new Date(Date.now() + 3600_000).toISOString().replace(/\.\d+Z$/, 'Z');
    const expires = await extendDevHost(clients, aDevHost({ expires: later }), 60);
    expect(Date.parse(expires)).toBe(Date.parse(later) + 3600_000);
  });

  test('one that is overdue, or whose tag is damaged, counts from now', async () => {
    const { clients } = ec2With(['running']);
    for (const expires of [null, '2020-01-01T00:00:00Z']) {
      const at = Date.parse(await extendDevHost(clients, aDevHost({ expires }), 60));
      expect(Math.abs(at - Date.now() - 3600_000)).toBeLessThan(60_000);
    }
  });

  test('has an end', async () => {
    const { clients, calls } = ec2With(['running']);
    await expect(extendDevHost(clients, aDevHost({ expires: null }), 15 * 24 * 60)).rejects.toMatchObject({
      code: 'DURATION',
    });
    expect(calls).toEqual([]);
  });
});

describe('destroy', () => {
  test('the instance first, then the group that it used', async () => {
    const { clients, calls } = ec2With(['shutting-down', 'terminated']);
    await destroyDevHost(clients, aDevHost());
    expect(names(calls).filter((name) => !name.startsWith('Describe'))).toEqual([
      'TerminateInstances',
      'DeleteSecurityGroup',
    ]);
  });

  test('without a run id no group is asked for: every group would be meant', async () => {
    const { clients, calls } = ec2With(['terminated']);
    await destroyDevHost(clients, aDevHost({ runId: '' }));
    expect(names(calls)).not.toContain('DescribeSecurityGroups');
  });
});
