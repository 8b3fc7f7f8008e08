import { beforeEach, expect, test, vi } from 'vitest';
import type { Message } from '../../src/io/reporter.ts';
import { createContext } from '../../src/run/context.ts';
import { type Access, keepRun } from '../../src/run/keep.ts';
import { claimRun, readOwner } from '../../src/run/owner.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { fakeClients } from './fake-clients.ts';

const runId = 'r-20261123120000-abcdef';
const told: Message[] = [];
const reporter = { emit: (message: Message) => void told.push(message), close: async () => {} };
const ctx = createContext({ runId, reporter, signal: new AbortController().signal });
const access: Access = { region: 'local', shellOn: ({ instanceId, address }) => `ssh ${instanceId} ${address}` };
const one = { Reservations: [{ Instances: [{ InstanceId: 'i-1', PublicIpAddress: '10.0.0.9' }] }] };
const stay = vi.fn(async () => {});

beforeEach(async () => {
  vi.stubEnv('ECS_HOST_STATE', tempFolder());
  told.length = 0;
  stay.mockReset();
  await claimRun(runId);
  return () => vi.unstubAllEnvs();
});

test('an instance that failed stays, with the lab it is in, and how to reach and remove it is said', async () => {
  const { clients } = fakeClients({ DescribeInstances: () => one });
  expect(await keepRun(ctx, clients, access, stay)).toBe(true);
  expect(stay).toHaveBeenCalledOnce();
  expect(await readOwner(runId)).toMatchObject({ isKept: true });
  expect(told).toEqual([
    expect.objectContaining({
      code: 'KEPT',
      text: expect.stringMatching(/i-1 is kept.*: ssh i-1 10\.0\.0\.9$/),
      hint: expect.stringContaining('ecs-host sweep --region local'),
    }),
  ]);
});

test('without an instance there is nothing to keep', async () => {
  const { clients } = fakeClients({ DescribeInstances: () => ({}) });
  expect(await keepRun(ctx, clients, access, stay)).toBe(false);
  expect(stay).not.toHaveBeenCalled();
  expect((await readOwner(runId))?.isKept).toBeUndefined();
});

test('nothing is kept that nobody asked for, and nothing after Ctrl-C', async () => {
  const { clients, calls } = fakeClients({ DescribeInstances: () => one });
  const interrupted = createContext({ runId, reporter, signal: AbortSignal.abort(new Error('Ctrl-C')) });
  expect(await keepRun(ctx, clients, access, null)).toBe(false);
  expect(await keepRun(interrupted, clients, access, stay)).toBe(false);
  expect(calls).toEqual([]);
});

test('a lab that cannot be told to stay keeps nothing, and says so', async () => {
  const { clients } = fakeClients({ DescribeInstances: () => one });
  stay.mockRejectedValue(new Error('the lab is gone'));
  expect(await keepRun(ctx, clients, access, stay)).toBe(false);
  expect(told).toEqual([expect.objectContaining({ code: 'KEEP_FAILED' })]);
  expect((await readOwner(runId))?.isKept).toBeUndefined();
});
