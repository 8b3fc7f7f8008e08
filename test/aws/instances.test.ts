import { describe, expect, test } from 'vitest';
import { terminateAndWait, waitForAddress } from '../../src/aws/instances.ts';
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

test('an instance that is said to be stopping still ends', async () => {
  const states = ['stopping', 'shutting-down', 'terminated'];
  const { clients, calls } = fakeClients({
    TerminateInstances: () => ({}),
    DescribeInstances: () => ({ Reservations: [{ Instances: [{ State: { Name: states.shift() } }] }] }),
  });
  await terminateAndWait(clients, ['i-1']);
  expect(calls).toHaveLength(4);
});
