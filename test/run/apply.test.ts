import { describe, expect, test } from 'vitest';
import { applyRemovals, type Removal } from '../../src/run/sweep/apply.ts';
import type { Leftover } from '../../src/run/sweep/select.ts';
import { apiError, fakeClients } from './fake-clients.ts';

const runId = 'r-20261123120000-abcdef';
function leftover(kind: Leftover['kind'], id: string): Leftover {
  return { kind, id, runId };
}
function apply(taught: Parameters<typeof fakeClients>[0], leftovers: Leftover[]) {
  const { clients, calls } = fakeClients(taught);
  const told: Removal[] = [];
  return { calls, told, done: applyRemovals(clients, leftovers, (removal) => told.push(removal), 0) };
}

describe('applyRemovals', () => {
  test('waits for termination before it touches the group', async () => {
    let looks = 0;
    const { calls, done } = apply(
      {
        TerminateInstances: () => ({}),
        DescribeInstances: () => {
          looks += 1;
          return { Reservations: [{ Instances: [{ State: { Name: looks < 3 ? 'shutting-down' : 'terminated' } }] }] };
        },
        DeleteSecurityGroup: () => ({}),
      },
      [leftover('security group', 'sg-1'), leftover('instance', 'i-1')],
    );
    expect((await done).map(({ outcome }) => outcome)).toEqual(['removed', 'removed']);
    expect(calls.map(({ command }) => command)).toEqual([
      'TerminateInstances',
      'DescribeInstances',
      'DescribeInstances',
      'DescribeInstances',
      'DeleteSecurityGroup',
    ]);
  });

  test('tries again while a group is still held, and counts what is gone as removed', async () => {
    let tries = 0;
    const { done } = apply(
      {
        DeleteSecurityGroup: () => {
          tries += 1;
          if (tries < 3) throw apiError('DependencyViolation');
          return {};
        },
        DeleteSnapshot: () => {
          throw apiError('InvalidSnapshot.NotFound');
        },
      },
      [leftover('security group', 'sg-1'), leftover('snapshot', 'snap-1')],
    );
    expect((await done).map(({ outcome }) => outcome)).toEqual(['removed', 'removed']);
    expect(tries).toBe(3);
  });

  test('one failure is told and does not keep the rest', async () => {
    const { done, told } = apply(
      {
        DeleteKeyPair: () => {
          throw apiError('UnauthorizedOperation');
        },
        DeleteVolume: () => ({}),
      },
      [leftover('key pair', 'key-1'), leftover('volume', 'vol-1')],
    );
    expect((await done).map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual([
      'key pair failed',
      'volume removed',
    ]);
    expect(told[0]?.error).toContain('UnauthorizedOperation');
  });

  test('deletes services, and deregisters container instances, before it deletes their cluster', async () => {
    const { calls, done } = apply(
      {
        ListServices: () => ({ serviceArns: ['arn:service'] }),
        DeleteService: () => ({}),
        ListContainerInstances: () => ({ containerInstanceArns: ['arn:1', 'arn:2'] }),
        DeregisterContainerInstance: () => ({}),
        DeleteCluster: () => ({}),
      },
      [leftover('cluster', 'arn:cluster')],
    );
    await done;
    expect(calls.map(({ command }) => command)).toEqual([
      'ListServices',
      'DeleteService',
      'ListContainerInstances',
      'DeregisterContainerInstance',
      'DeregisterContainerInstance',
      'DeleteCluster',
    ]);
  });

  test.each([
    ['is gone by itself meanwhile', [], 'removed'],
    ['is still there', ['arn:1'], 'failed'],
  ] as const)('a container instance that cannot be deregistered and %s', async (_, left, outcome) => {
    const lists: (readonly string[])[] = [['arn:1'], left];
    const { done } = apply(
      {
        ListServices: () => ({}),
        ListContainerInstances: () => ({ containerInstanceArns: lists.shift() }),
        DeregisterContainerInstance: () => {
          throw apiError('ServerException');
        },
        DeleteCluster: () => ({}),
      },
      [leftover('cluster', 'arn:cluster')],
    );
    expect((await done).map((removal) => removal.outcome)).toEqual([outcome]);
  });
});
