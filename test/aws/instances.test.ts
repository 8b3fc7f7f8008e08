import { describe, expect, test } from 'vitest';
import { terminateAndWait, waitForAddress } from '../../src/aws/instances.ts';
import { untilKnown } from '../../src/aws/removal.ts';
import { apiError, fakeClients, type Taught } from '../run/fake-clients.ts';

const { signal } = new AbortController();

describe('waitForAddress', () => {
  const describing = (...instances: object[]): Taught => {
    let at = 0;
    return {
      DescribeInstances: () => ({ Reservations: [{ Instances: [instances[Math.min(at++, instances.length - 1)]] }] }),
    };
  };

  test('waits for running and prefers the public address', async () => {
    const { clients } = fakeClients(
      describing(
        { State: { Name: 'pending' } },
        { State: { Name: 'running' }, PublicIpAddress: '203.0.113.9', PrivateIpAddress: '10.0.0.9' },
      ),
    );
    expect(await waitForAddress(clients, 'i-1', signal)).toBe('203.0.113.9');
  });

  test('gives up at once on an instance that ended', async () => {
    const { clients } = fakeClients(
      describing({ State: { Name: 'terminated' }, StateReason: { Message: 'Server.InsufficientCapacity' } }),
    );
    await expect(waitForAddress(clients, 'i-1', signal)).rejects.toThrow('Server.InsufficientCapacity');
  });

  test('an instance that the API does not know everywhere yet is waited for; another refusal is thrown', async () => {
    let asked = 0;
    const { clients } = fakeClients({
      DescribeInstances: () => {
        asked += 1;
        if (asked === 1) throw apiError('InvalidInstanceID.NotFound');
        return { Reservations: [{ Instances: [{ State: { Name: 'running' }, PrivateIpAddress: '10.0.0.9' }] }] };
      },
    });
    expect(await waitForAddress(clients, 'i-1', signal)).toBe('10.0.0.9');
    const refused = fakeClients({
      DescribeInstances: () => {
        throw apiError('UnauthorizedOperation');
      },
    });
    await expect(waitForAddress(refused.clients, 'i-1', signal)).rejects.toThrow('UnauthorizedOperation');
  });
});

function terminated(): object {
  return { Reservations: [{ Instances: [{ State: { Name: 'terminated' } }] }] };
}

test('an instance that is not known yet is ordered to end again, until it is seen to have ended', async () => {
  let orders = 0;
  let looks = 0;
  const { clients } = fakeClients({
    TerminateInstances: () => {
      orders += 1;
      if (orders < 3) throw apiError('InvalidInstanceID.NotFound');
      return {};
    },
    DescribeInstances: () => {
      looks += 1;
      if (looks < 4) throw apiError('InvalidInstanceID.NotFound');
      return terminated();
    },
  });
  await terminateAndWait(clients, ['i-1']);
  expect([orders, looks]).toEqual([3, 4]);
});

test('one that is not known for minutes is forgotten; an empty answer is none', async () => {
  const { clients } = fakeClients({
    TerminateInstances: () => {
      throw apiError('InvalidInstanceID.NotFound');
    },
    DescribeInstances: () => ({ Reservations: [] }),
  });
  const startedAt = performance.now();
  await terminateAndWait(clients, ['i-1'], 400);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(400);
});

test('one that is not known does not keep another from being ended', async () => {
  const ended: string[] = [];
  const { clients } = fakeClients({
    TerminateInstances: ({ InstanceIds }) => {
      ended.push(...(InstanceIds as unknown as string[]));
      return {};
    },
    DescribeInstances: terminated,
  });
  await terminateAndWait(clients, ['i-1', 'i-2']);
  expect(ended.sort()).toEqual(['i-1', 'i-2']);
});

test('what was just made is asked for again, and any other refusal is thrown at once', async () => {
  let asked = 0;
  const call = async (): Promise<string> => {
    asked += 1;
    if (asked < 3) throw apiError('InvalidGroup.NotFound');
    return 'done';
  };
  expect(await untilKnown(call, 1)).toBe('done');
  const never = async (): Promise<never> => {
    throw apiError('InvalidGroup.NotFound');
  };
  await expect(untilKnown(never, 1, 20)).rejects.toMatchObject({ name: 'InvalidGroup.NotFound' });
  const refused = async (): Promise<never> => {
    asked += 1;
    throw apiError('UnauthorizedOperation');
  };
  await expect(untilKnown(refused, 1)).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
  expect(asked).toBe(4);
});

test('an instance that is said to be stopping still ends', async () => {
  const states = ['stopping', 'shutting-down', 'terminated'];
  const { clients, calls } = fakeClients({
    TerminateInstances: () => ({}),
    DescribeInstances: () => ({ Reservations: [{ Instances: [{ State: { Name: states.shift() } }] }] }),
  });
  await terminateAndWait(clients, ['i-1']);
  expect(calls).toHaveLength(4);
});
