import { describe, expect, test } from 'vitest';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { CheckBook } from '../../src/smoke/checks/check-book.ts';
import { CHECKS } from '../../src/smoke/checks/check-definitions.ts';
import { checkContainerMetadata, checkGpu } from '../../src/smoke/checks/container-checks.ts';
import { fakeSsh } from './fake-ssh.ts';

const plan = {
  developerWorkload: { app: 'base' },
  target: { nvidia: { driverVersion: '580.178.04' } },
} as unknown as BuildPlan;
function open() {
  return new CheckBook({
    definitions: CHECKS,
    selected: new Set(['workload']),
    signal: new AbortController().signal,
    onCheck: () => {},
  });
}
function verdict(book: ReturnType<typeof open>, id: string) {
  return book.finish().find((check) => check.id === id)?.verdict;
}

describe('metadata from containers', () => {
  test('is blocked on both kinds of bridge, and the own bridge is removed again', async () => {
    const book = open();
    const asked: string[] = [];
    await checkContainerMetadata(fakeSsh([[/^docker (network|run)/, {}]], asked), plan, book);
    expect(verdict(book, 'imds.docker0-blocked')).toBe('correct');
    expect(verdict(book, 'imds.user-bridge-blocked')).toBe('correct');
    expect(asked.at(-1)).toBe('docker network rm ecs-host-smoke');
  });

  test('that is reached on one of them is incorrect there', async () => {
    const book = open();
    const ssh = fakeSsh([
      [/--network ecs-host-smoke/, { stdout: 'REACHED\n' }],
      [/^docker/, {}],
    ]);
    await checkContainerMetadata(ssh, plan, book);
    expect(verdict(book, 'imds.docker0-blocked')).toBe('correct');
    expect(verdict(book, 'imds.user-bridge-blocked')).toBe('incorrect');
  });

  test('is not taken for blocked when the container never ran', async () => {
    const book = open();
    const ssh = fakeSsh([
      [/^docker run/, { exitCode: 125, stderr: 'no such image' }],
      [/^docker/, {}],
    ]);
    await expect(checkContainerMetadata(ssh, plan, book)).rejects.toThrow('no such image');
    expect(verdict(book, 'imds.docker0-blocked')).toBe('missing');
  });
});

describe('the GPU', () => {
  test('must have the driver of the plan and be seen in a container', async () => {
    const book = open();
    const asked: string[] = [];
    const ssh = fakeSsh(
      [
        [/^nvidia-smi/, { stdout: '580.178.04\n' }],
        [/^docker version/, { stdout: '28.1.1\n' }],
        [/^docker run/, { stdout: 'GPU 0: Tesla M60 (UUID: GPU-1)\n' }],
      ],
      asked,
    );
    await checkGpu(ssh, plan, book);
    expect(verdict(book, 'gpu.driver')).toBe('correct');
    for (const id of ['gpu.container', 'gpu.gpus-all', 'gpu.cdi']) expect(verdict(book, id)).toBe('correct');
    for (const way of [/--runtime nvidia .*VISIBLE_DEVICES=all/, /--gpus all/, /--device nvidia\.com\/gpu=all/])
      expect(asked.some((command) => way.test(command))).toBe(true);
  });

  test('is not asked for by CDI of a Docker that has none, and one way that fails fails alone', async () => {
    const book = open();
    const ssh = fakeSsh([
      [/^nvidia-smi/, { stdout: '580.178.04\n' }],
      [/^docker version/, { stdout: '20.10.24+dfsg1\n' }],
      [/--gpus all/, { exitCode: 125, stderr: 'invoking the NVIDIA Container Runtime Hook directly is not supported' }],
      [/^docker run/, { stdout: 'GPU 0: Tesla M60 (UUID: GPU-1)\n' }],
    ]);
    await checkGpu(ssh, plan, book);
    expect(verdict(book, 'gpu.container')).toBe('correct');
    expect(verdict(book, 'gpu.gpus-all')).toBe('incorrect');
    expect(verdict(book, 'gpu.cdi')).toBe('skipped');
  });

  test('with another driver, or none in the container, is incorrect', async () => {
    const book = open();
    const ssh = fakeSsh([
      [/^nvidia-smi/, { stdout: '535.1.1\n' }],
      [/^docker version/, { stdout: '28.1.1\n' }],
      [/^docker run/, { exitCode: 1, stderr: 'unknown runtime nvidia' }],
    ]);
    await checkGpu(ssh, plan, book);
    expect(verdict(book, 'gpu.driver')).toBe('incorrect');
    expect(verdict(book, 'gpu.container')).toBe('incorrect');
  });
});
