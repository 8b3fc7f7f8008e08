import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { endProcess, waitForEnd } from '../../../lab/lifecycle/end-process.ts';
import { Owners } from '../../../lab/lifecycle/owners.ts';
import { identify } from '../../../lab/process-identity.ts';

describe('owners of the lab', () => {
  const children: ChildProcess[] = [];
  let owners: Owners | undefined;
  const sleeper = (script = 'sleep 60'): number => {
    const child = spawn('sh', ['-c', `exec ${script}`], { stdio: 'ignore' });
    children.push(child);
    return child.pid ?? 0;
  };
  afterEach(() => {
    owners?.stop();
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  test('bring it down once, when the last one is gone', async () => {
    const gone = vi.fn();
    owners = new Owners(gone, 10);
    const [first, second] = [sleeper(), sleeper()];
    await owners.add(first);
    await owners.add(second);
    expect(owners.first()).toBe(first);
    process.kill(first, 'SIGKILL');
    await expect.poll(() => owners?.first()).toBe(second);
    expect(gone).not.toHaveBeenCalled();
    process.kill(second, 'SIGKILL');
    await expect.poll(() => gone.mock.calls.length).toBe(1);
  });

  test('count as gone when they are gone before the watch begins', async () => {
    const gone = vi.fn();
    owners = new Owners(gone, 10);
    const pid = sleeper('true');
    await expect.poll(() => identify(pid)).toBeNull();
    await owners.add(pid);
    await expect.poll(() => gone.mock.calls.length).toBe(1);
  });

  test('may release it', async () => {
    const gone = vi.fn();
    owners = new Owners(gone, 10);
    const pid = sleeper();
    await owners.add(pid);
    owners.keep();
    process.kill(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(gone).not.toHaveBeenCalled();
  });

  test('may be instances, which outlive the process that made them', async () => {
    const gone = vi.fn();
    owners = new Owners(gone, 10);
    const pid = sleeper();
    await owners.add(pid);
    expect(await owners.addInstance('i-1', async () => true)).toBe(true);
    expect(owners.instances()).toEqual(['i-1']);
    expect(await owners.leave(pid)).toBe(false);
    process.kill(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(gone).not.toHaveBeenCalled();
    owners.instanceGone('i-1');
    await expect.poll(() => gone.mock.calls.length).toBe(1);
  });

  test('are no instances that are not there, or that go while they are looked for', async () => {
    const gone = vi.fn();
    owners = new Owners(gone, 10);
    const pid = sleeper();
    await owners.add(pid);
    expect(await owners.addInstance('i-1', async () => false)).toBe(false);
    expect(await owners.addInstance('i-2', () => Promise.reject(new Error('no answer')))).toBe(false);
    const passing = owners.addInstance('i-3', async () => {
      owners?.instanceGone('i-3');
      return true;
    });
    expect(await passing).toBe(false);
    expect(await owners.leave(pid)).toBe(true);
    expect(gone).toHaveBeenCalledTimes(1);
  });
});

describe('ending a process', () => {
  test('asks, then kills, and never touches a later process of the same number', async () => {
    const polite = spawn('sh', ['-c', 'exec sleep 60'], { stdio: 'ignore' });
    const stubborn = spawn('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await new Promise((resolve) => stubborn.stdout?.once('data', resolve));
    const one = await identify(polite.pid ?? 0);
    const two = await identify(stubborn.pid ?? 0);
    if (!one || !two) throw new Error('a child is missing');
    expect(await endProcess({ ...one, startTime: '1' }, 100)).toBe('was gone');
    expect(await waitForEnd(one, 50)).toBe(false);
    expect(await endProcess(one, 2000)).toBe('ended');
    expect(await endProcess(two, 200)).toBe('killed');
    expect(await endProcess(two, 200)).toBe('was gone');
  });
});
